//! Services of other shapes, each with a contract of its own: correct ones, and wrong ones that
//! differ from their contract in one point.

mod server;
mod shapes;

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use server::ForeignServer;
use shapes::Shape;

/// Runs the hammer through its command line against a shape; returns exit code and output.
async fn hammer(shape: Shape, arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contract.toml");
    std::fs::write(&file, shape.contract).unwrap();
    let server = ForeignServer::open(shape);
    let url = server.url();
    let contract = ["--contract", "contract.toml", "--report", "report"];
    let service = ["--url", &url, "--quick", "--seed", "3"];
    let all = [&contract[..], &service, arguments].concat();
    let (code, said) = run(folder.path(), &all).await;
    let (again, offline) = run(folder.path(), &["check", "report/history.ndjson"]).await;
    assert_eq!(again, code, "offline: {offline}\n{said}");
    (code, said)
}

async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_orders"))
        .arg("hammer")
        .args(arguments)
        .current_dir(folder)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(90), output).await;
    let output = output.expect("the hammer ends").unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (
        output.status.code(),
        said + &String::from_utf8_lossy(&output.stderr),
    )
}

async fn holds(shape: Shape) {
    let mut last = String::new();
    // On a machine that is busy with other tests, a run may not observe enough.
    for _ in 0..3 {
        let (code, said) = hammer(shape, &[]).await;
        assert_ne!(code, Some(1), "{}: {said}", shape.name);
        if code == Some(0) {
            return assert_eq!(
                said.contains("answers alone"),
                shape.list.is_none(),
                "{said}"
            );
        }
        last = said;
    }
    panic!("{}: {last}", shape.name);
}

async fn is_convicted(shape: Shape, invariant: &str) {
    let scenarios = [
        "pair",
        "mismatch",
        "mismatch-race",
        "lost-answer",
        "stagger",
    ];
    let flags: Vec<&str> = scenarios
        .iter()
        .flat_map(|name| ["--scenario", name])
        .collect();
    let mut last = String::new();
    for _ in 0..2 {
        let (code, said) = hammer(shape, &flags).await;
        if code == Some(1) && said.contains(invariant) {
            return;
        }
        last = said;
    }
    panic!("{} is not convicted of {invariant}: {last}", shape.name);
}

/// What a contract does not declare is a deviation, and a violation of a strict run.
async fn deviates(shape: Shape, words: &str) {
    let scenarios = ["--scenario", "pair", "--scenario", "keys"];
    let (code, said) = hammer(shape, &scenarios).await;
    assert_ne!(code, Some(1), "{said}");
    let (_, deviations) = said
        .split_once("deviations from the contract")
        .expect(&said);
    assert!(deviations.contains(words), "{said}");
    let (code, said) = hammer(shape, &[&scenarios[..], &["--strict"]].concat()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unusual_request_deviates() {
    let invalid = Shape {
        invalid: 500,
        ..shapes::PROJECTS
    };
    deviates(invalid, "no-server-error").await;
    let long = Shape {
        longest_key: 100,
        ..shapes::PROJECTS
    };
    deviates(long, "declared-status").await;
}

macro_rules! hold {
    ($($test:ident $shape:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            holds($shape).await;
        }
    )*};
}

macro_rules! convicted {
    ($($test:ident $shape:expr => $invariant:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            is_convicted(Shape { name: stringify!($test), ..$shape }, $invariant).await;
        }
    )*};
}

hold! {
    projects_by_put shapes::PROJECTS;
    payments_that_refuse_duplicates shapes::PAYMENTS;
    jobs_that_do_not_compare shapes::JOBS;
    forms_judged_by_answers_alone shapes::FORMS;
}

convicted! {
    a_replay_without_its_declared_mark
        Shape { mark: None, ..shapes::PROJECTS } => "one-fresh";
    a_fresh_status_that_is_not_declared
        Shape { fresh: 201, ..shapes::PROJECTS } => "declared-status";
    a_mismatch_status_that_is_not_declared
        Shape { mismatch: Some(409), ..shapes::PROJECTS } => "declared-status";
    an_echo_of_something_else
        Shape { answer: |id, _, _| serde_json::json!({"data": {"project": {"uid": id, "name": "x"}}}).to_string(), ..shapes::PROJECTS } => "answer-is-an-order";
    a_race_that_a_list_without_pages_shows
        Shape { atomic: false, ..shapes::PROJECTS } => "one-order";
    a_key_that_is_required_and_not_checked
        Shape { missing: None, ..shapes::PROJECTS } => "key-required";
    another_body_where_the_same_is_declared
        Shape { replay_answer: shapes::reversed, ..shapes::PROJECTS } => "same-bytes";
    a_duplicate_that_is_answered_instead_of_refused
        Shape { replay: 200, ..shapes::PAYMENTS } => "declared-status";
    a_duplicate_that_is_not_refused_in_a_race
        Shape { atomic: false, ..shapes::PAYMENTS } => "one-fresh";
    a_refusal_in_flight_that_is_not_declared
        Shape { in_flight: Some(409), ..shapes::JOBS } => "declared-status";
    payloads_that_are_compared_against_the_contract
        Shape { mismatch: Some(422), ..shapes::JOBS } => "once-answered-always-answered";
    a_race_that_only_answers_show
        Shape { atomic: false, ..shapes::FORMS } => "one-identity";
}
