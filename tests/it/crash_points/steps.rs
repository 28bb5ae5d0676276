//! The steps of a batch at which the program can be made to abort.

use super::{assert_aborted, assert_converges, crashing, keys, storm};
use crate::harness::{Acknowledged, Process, TestDatabase, on_both, order};

/// A step, and whether the batch is stored when the server dies there.
type Step = (&'static str, bool);

const STEPS: [Step; 6] = [
    ("before-claim", false),
    ("after-claim", false),
    ("after-apply", false),
    ("before-commit", false),
    ("after-commit", true),
    ("before-answer", true),
];

on_both! {
    async fn the_first_batch_dies(backend: Backend) {
        for (at, stored) in STEPS {
            let database = TestDatabase::create_migrated(backend).await;
            let server = crashing(&database, at);
            let acknowledged = storm(&server.client).await;
            assert_eq!(acknowledged, Acknowledged::default(), "{at}: a request was answered");
            assert_aborted(server, at);
            assert_eq!(database.orders().await > 0, stored, "{at}");
            assert_converges(&database, keys(), &acknowledged).await;
            database.finish().await;
        }
    }
}

on_both! {
    async fn the_fourth_batch_dies(backend: Backend) {
        for (at, _) in STEPS {
            let database = TestDatabase::create_migrated(backend).await;
            let server = crashing(&database, &format!("{at}:4"));
            let mut acknowledged = Acknowledged::default();
            for key in keys().take(3) {
                let reply = server.client.place(&key, order(&key, 1)).await;
                acknowledged.insert(key, reply.expect(201));
            }
            acknowledged.extend(storm(&server.client).await);
            assert_aborted(server, at);
            assert_converges(&database, keys(), &acknowledged).await;
            database.finish().await;
        }
    }
}

on_both! {
    async fn every_retry_dies_too(database: &TestDatabase) {
        for (at, _) in STEPS.into_iter().chain(STEPS) {
            let server = crashing(database, at);
            storm(&server.client).await;
            assert_aborted(server, at);
        }
        assert_converges(database, keys(), &Acknowledged::default()).await;
    }
}

/// `scripts/test` searches a plain build for this name and must not find it. This test proves that
/// the search finds it where it is.
#[test]
fn a_test_build_contains_the_name_of_the_crash_variable() {
    let program = Process::command(&[]).get_program().to_owned();
    let program = std::fs::read(program).unwrap();
    let name = b"ORDERS_CRASH_AT";
    assert!(program.windows(name.len()).any(|found| found == name));
}
