//! The steps of a batch that are the program's own.

use super::{Acknowledged, assert_converges, crashing, database, keys, storm};
use crate::harness::{Backend, Process};

/// A step, and whether the batch is stored when the server dies there.
type Step = (&'static str, bool);

const SQLITE: [Step; 5] = [
    ("before-claim", false),
    ("after-claim", false),
    ("before-commit", false),
    ("after-commit", true),
    ("before-answer", true),
];

/// Between these PostgreSQL is in its one statement: see [`super::inside`].
const POSTGRES: [Step; 3] = [
    ("before-claim", false),
    ("after-commit", true),
    ("before-answer", true),
];

/// The first batch dies: nobody is answered, and it is stored if its COMMIT was.
async fn the_first_batch_dies(backend: Backend, (at, stored): Step) {
    let database = database(backend).await;
    let server = crashing(&database, at);
    let acknowledged = storm(&server.client).await;
    assert_eq!(acknowledged, Acknowledged::new(), "nobody was answered");
    assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
    assert_eq!(database.orders().await > 0, stored, "{at}");
    assert_converges(database, keys(), &acknowledged).await;
}

/// A later batch dies, after answers: what was answered is kept.
async fn a_later_batch_dies(backend: Backend, (at, _): Step) {
    let database = database(backend).await;
    let server = crashing(&database, &format!("{at}:4"));
    let mut acknowledged = Acknowledged::new();
    for key in keys().into_iter().take(3) {
        let reply = server.client.place(&key, super::order(&key, 1)).await;
        acknowledged.insert(key, reply.expect(201).body);
    }
    acknowledged.extend(storm(&server.client).await);
    assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
    assert_converges(database, keys(), &acknowledged).await;
}

/// One key after the other meets a crash at every step, and the same requests come again each
/// time.
async fn every_retry_dies_too(backend: Backend, steps: &[Step]) {
    let database = database(backend).await;
    for (at, _) in steps.iter().chain(steps) {
        let server = crashing(&database, at);
        storm(&server.client).await;
        assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
    }
    assert_converges(database, keys(), &Acknowledged::new()).await;
}

async fn at_every_step(backend: Backend, steps: &[Step]) {
    for step in steps {
        the_first_batch_dies(backend, *step).await;
        a_later_batch_dies(backend, *step).await;
    }
    every_retry_dies_too(backend, steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_leaves_one_order_sqlite() {
    at_every_step(Backend::Sqlite, &SQLITE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_leaves_one_order_postgres() {
    at_every_step(Backend::Postgres, &POSTGRES).await;
}

/// `scripts/test` looks for this name in a plain build and must not find it. Here it is, so that
/// search means something.
#[test]
fn only_a_test_build_can_be_told_to_crash() {
    let program = Process::command(&[]).get_program().to_owned();
    let program = std::fs::read(program).unwrap();
    let name = b"ORDERS_CRASH_AT";
    assert!(program.windows(name.len()).any(|found| found == name));
}
