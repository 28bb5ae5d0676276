//! Species in processes of their own, which are killed and know only what they wrote.
//!
//! Each process is this test program again, running the one "test" that serves forever.

use std::time::Duration;

use orders::hammer::{
    Format, Launch, OracleChoice, Profile, Progress, Readiness, Report, Scenario, Service,
    Settings, Verdict,
};

use super::journal::recover;
use super::shop::{Call, Reply};
use super::wrong_under_faults::{key_then_order, order_then_key};
use super::{CORRECT, Species, Window, Work, ZooServer};

const SPECIES: [Species; 5] = [
    Species {
        name: "journal",
        ..CORRECT
    },
    Species {
        name: "order-then-key",
        wrong: "writes the order, and the key 2 ms later; a kill in between loses the key",
        window: Window::LONG,
        place: order_then_key,
        ..CORRECT
    },
    Species {
        name: "key-then-order",
        wrong: "writes the key, and the order 2 ms later; a kill in between loses the order",
        window: Window::LONG,
        place: key_then_order,
        ..CORRECT
    },
    Species {
        name: "write-behind",
        wrong: "answers, and writes 5 ms later",
        place: write_behind,
        ..CORRECT
    },
    Species {
        name: "keys-in-memory",
        wrong: "writes orders, but keeps keys only in memory",
        ..CORRECT
    },
];

fn write_behind(call: Call) -> Work {
    Box::pin(async move {
        let _mine = call.locked(&call.key).await;
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let kept = call.draft();
        call.shop
            .keys
            .lock()
            .unwrap()
            .insert(call.key.clone(), kept.clone());
        let (later, order) = (call.clone(), kept.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            later.write(Some(&order), Some(&order));
        });
        Reply::order(201, &kept)
    })
}

#[test]
#[ignore = "serves forever, started by the hammer"]
fn serve() {
    let variable = |name| std::env::var(name).unwrap();
    let name = variable("ZOO_SPECIES");
    if let Some(design) = super::published::named(&name) {
        let port = variable("PORT").parse().unwrap();
        return super::published::serve(design, &variable("ZOO_DATABASE"), port);
    }
    let species = SPECIES.into_iter().find(|one| one.name == name).unwrap();
    let shop = recover(variable("ZOO_JOURNAL").as_ref(), name != "keys-in-memory");
    ZooServer::listen(species, shop, variable("PORT").parse().unwrap()).stay();
}

/// Runs the scenario `kill` against a species; returns the report and the log of the process.
async fn run_kill(name: &str) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal").display().to_string();
    let launch = Launch {
        program: std::env::current_exe().unwrap(),
        arguments: ["--exact", "zoo::durable::serve", "--ignored", "--nocapture"]
            .map(Into::into)
            .into(),
        variables: vec![
            ("ZOO_SPECIES".to_owned(), name.to_owned()),
            ("ZOO_JOURNAL".to_owned(), journal),
        ],
        port_variable: "PORT".to_owned(),
        logs: Some(folder.path().to_owned()),
        temporary: true,
        readiness: Readiness::Healthy,
    };
    let settings = Settings {
        service: Service::Private(launch, 1),
        contract: None,
        headers: Vec::new(),
        seed: 1,
        profile: Profile::Full,
        scenarios: vec![Scenario::Kill],
        oracles: vec![OracleChoice::Api],
        strict: false,
        report: None,
        repeat: format!("zoo {name}"),
    };
    let progress = Progress::new(Format::Silent);
    let run = orders::hammer::run(&settings, &progress, std::future::pending());
    let report = tokio::time::timeout(Duration::from_mins(1), run).await;
    let printed = std::fs::read_to_string(folder.path().join("instance-0.log"));
    (report.expect("a run ends").unwrap(), printed.unwrap())
}

async fn expect(name: &str, verdict: Verdict, invariants: &[&str]) {
    let (report, printed) = run_kill(name).await;
    let context = format!("{name}: {}\n{printed}", report.text(false));
    assert_eq!(report.verdict(), verdict, "{context}");
    for invariant in invariants {
        assert!(
            report.violated_invariants().contains(invariant),
            "{context}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_survives_kills() {
    expect("journal", Verdict::Held, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_stored_before_its_key_is_made_twice() {
    expect("order-then-key", Verdict::Violated, &["one-order"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_stored_before_its_order_loses_the_order() {
    expect(
        "key-then-order",
        Verdict::Violated,
        &["acknowledged-is-stored"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_write_is_a_violation() {
    expect("write-behind", Verdict::Violated, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_in_memory_are_lost_with_the_process() {
    expect("keys-in-memory", Verdict::Violated, &["one-order"]).await;
}
