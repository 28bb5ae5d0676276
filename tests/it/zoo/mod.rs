//! Servers that are wrong on purpose, and correct ones beside them: the proof of the hammer.
//!
//! All share one skeleton. A species differs from the correct server in a few lines, so that it
//! can be seen at once what is wrong with it. Each runs on an event loop of its own thread.

mod durable;
mod good;
mod journal;
mod matrix;
mod server;
mod shop;
mod wrong_answers;
mod wrong_keys;
mod wrong_races;
mod wrong_under_faults;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use orders::hammer::{
    OracleChoice, Profile, Progress, Report, Scenario, Service, Settings, Target, Verdict,
};

pub(crate) use server::Enclosure;
use shop::{Call, Kept, Reply};

/// What a species does with an order.
type Work = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A way to build the server.
#[derive(Clone, Copy)]
pub(crate) struct Species {
    pub(crate) name: &'static str,
    /// What is wrong with it, or nothing.
    pub(crate) wrong: &'static str,
    /// Instances that share what is stored.
    pub(crate) instances: usize,
    /// How long it waits where a real server would talk to its database.
    window: Window,
    /// Whether it is only wrong by the letter of the contract.
    pub(crate) strict: bool,
    /// What it takes for the key.
    key: fn(&str) -> String,
    /// What it takes for the payload.
    fingerprint: fn(&[u8], &shop::Payload) -> String,
    /// What it does.
    place: fn(Call) -> Work,
    /// What it answers to a payload that it knows.
    replay: fn(&Call, &Kept) -> Reply,
    /// Whether it takes orders without a key.
    keyless: bool,
}

/// A stay at the database.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    /// One turn of the event loop.
    Turn,
    Millis(u64),
}

/// The correct server, from which all others are made.
const CORRECT: Species = Species {
    name: "correct",
    wrong: "",
    instances: 1,
    window: Window::Turn,
    strict: false,
    key: str::to_owned,
    fingerprint: |_, payload| format!("{payload:?}"),
    place: good::wait_and_replay,
    replay: |_, kept| Reply::order(200, kept).replayed(),
    keyless: false,
};

/// Everything that lives here.
pub(crate) fn all() -> Vec<Species> {
    [
        good::SPECIES,
        wrong_races::SPECIES,
        wrong_answers::SPECIES,
        wrong_keys::SPECIES,
        wrong_under_faults::SPECIES,
    ]
    .concat()
}

/// The species of that name.
pub(crate) fn named(name: &str) -> Species {
    let found = all().into_iter().find(|one| one.name == name);
    found.unwrap_or_else(|| panic!("no species {name:?}"))
}

/// Hammers a species with `seed`, on all scenarios of the quick run or only on `scenarios`.
pub(crate) async fn hammer(species: Species, seed: u64, scenarios: &[Scenario]) -> Report {
    let enclosure = Enclosure::open(species);
    let mut targets = Vec::new();
    for url in enclosure.urls() {
        targets.push(Target::resolve(&url, false).await.unwrap());
    }
    let settings = Settings {
        service: Service::Running(targets),
        headers: Vec::new(),
        seed,
        profile: Profile::Quick,
        scenarios: scenarios.to_vec(),
        oracles: vec![OracleChoice::Api],
        strict: species.strict,
        report: None,
        repeat: format!("zoo {} {seed}", species.name),
    };
    let progress = Progress::new(orders::hammer::Format::Silent);
    let run = orders::hammer::run(&settings, &progress, std::future::pending());
    let report = tokio::time::timeout(Duration::from_secs(30), run).await;
    report.expect("a quick run ends").unwrap()
}

/// A test for each species, and one that none was forgotten.
macro_rules! inhabitants {
    ($verdict:ident: $($test:ident $name:literal,)*) => {
        mod $verdict {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$verdict($name).await;
                }
            )*
            pub(super) const NAMES: &[&str] = &[$($name),*];
        }
    };
}

async fn convicted(name: &str) {
    let species = named(name);
    let mut last = String::new();
    // Two seeds: a race may be missed once on a machine that is busy with other tests.
    for seed in [1, 2] {
        let report = hammer(species, seed, &[]).await;
        if report.verdict() == Verdict::Violated {
            return;
        }
        last = report.text(false);
    }
    panic!("{name} was not convicted: {}\n{last}", species.wrong);
}

async fn acquitted(name: &str) {
    let mut held = 0;
    for seed in 1..=3 {
        let report = hammer(named(name), seed, &[]).await;
        let (verdict, text) = (report.verdict(), report.text(false));
        assert_ne!(verdict, Verdict::Violated, "{name}: {text}");
        held += usize::from(verdict == Verdict::Held);
        // On a machine that is busy with other tests there may be no time to see enough.
        if held > 0 && seed > 1 {
            return;
        }
        assert!(held > 0 || seed < 3, "{name}: {text}");
    }
}

inhabitants! { acquitted:
    wait_and_replay "wait-and-replay",
    conflict_in_flight "conflict-in-flight",
    busy_in_flight "busy-in-flight",
    slow "slow",
    two_instances "two-instances",
    raw_fingerprint "raw-fingerprint",
    replay_as_created "replay-as-created",
}

inhabitants! { convicted:
    no_idempotency "no-idempotency",
    check_then_insert "check-then-insert",
    check_then_insert_slow "check-then-insert-slow",
    check_in_middleware "check-in-middleware",
    set_without_nx "set-without-nx",
    unique_violation_500 "unique-violation-500",
    unique_violation_503 "unique-violation-503",
    empty_winner "empty-winner",
    loser_not_found "loser-not-found",
    conflict_for_ever "conflict-for-ever",
    memory_per_instance "memory-per-instance",
    lock_per_instance "lock-per-instance",
    stale_replica "stale-replica",
    mismatch_race_slips "mismatch-race-slips",
    two_fresh "two-fresh",
    new_id_on_replay "new-id-on-replay",
    drifting_body "drifting-body",
    stored_unlike_answer "stored-unlike-answer",
    acknowledged_not_stored "acknowledged-not-stored",
    marker_lost_under_fire "marker-lost-under-fire",
    missing_fingerprint "missing-fingerprint",
    half_fingerprint "half-fingerprint",
    mismatch_executed "mismatch-executed",
    mismatch_overwrites "mismatch-overwrites",
    raw_fingerprint_strict "raw-fingerprint-strict",
    folded_keys "folded-keys",
    truncated_keys "truncated-keys",
    truncated_long_keys "truncated-long-keys",
    hashed_keys "hashed-keys",
    wildcard_keys "wildcard-keys",
    payload_is_the_key "payload-is-the-key",
    key_not_required "key-not-required",
    key_lost_on_vanish "key-lost-on-vanish",
    lock_leaked_on_vanish "lock-leaked-on-vanish",
    lock_leaked_and_waited_for "lock-leaked-and-waited-for",
    key_before_order "key-before-order",
    short_retention "short-retention",
    error_after_effect "error-after-effect",
    error_kept "error-kept",
}

#[test]
fn every_species_is_tested() {
    let tested = [acquitted::NAMES, convicted::NAMES].concat();
    for species in all() {
        assert!(
            tested.contains(&species.name),
            "{} has no test",
            species.name
        );
        let good = acquitted::NAMES.contains(&species.name);
        assert_eq!(good, species.wrong.is_empty(), "{}", species.name);
    }
    assert!(acquitted::NAMES.len() >= 5 && convicted::NAMES.len() >= 26);
}
