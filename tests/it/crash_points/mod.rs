//! The server dies at each step of a batch, and every retry finds exactly one order.
//!
//! At a step of the program the server aborts by itself (`ORDERS_CRASH_AT`, in test builds only).
//! Inside a statement of PostgreSQL the statement is blocked there, and the server is killed.

mod bisect;
mod inside;
mod steps;

use tokio::task::JoinSet;

use crate::harness::{Acknowledged, Client, Process, TestDatabase, order};

/// The keys of a storm, and how many times each is sent.
const KEYS: usize = 6;
const COPIES: usize = 3;

fn keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|n| format!("key-{n}"))
}

/// Starts a server that aborts at a step. With one lane, simultaneous requests are few batches.
fn crashing(database: &TestDatabase, at: &str) -> Process {
    let mut command = Process::serving(database);
    Process::start(command.args(["--lanes", "1"]).env("ORDERS_CRASH_AT", at))
}

/// Waits for a server that aborted.
fn assert_aborted(server: Process, at: &str) {
    assert_eq!(server.wait(), None, "{at}: the server exited by itself");
}

/// Sends every key several times at once, and returns what was acknowledged before the crash.
async fn storm(client: &Client) -> Acknowledged {
    let mut requests = JoinSet::new();
    for key in (0..COPIES).flat_map(|_| keys()) {
        let client = client.clone();
        requests.spawn(async move { (client.try_place(&key, order(&key, 1)).await, key) });
    }
    let mut acknowledged = Acknowledged::default();
    for (reply, key) in requests.join_all().await {
        if let Some(reply) = reply {
            acknowledged.insert(key, reply);
        }
    }
    acknowledged
}

/// After a crash every key has exactly one order, the acknowledged one if there is any, and all
/// further responses have the same bytes.
async fn assert_converges(
    database: &TestDatabase,
    keys: impl IntoIterator<Item = String>,
    acknowledged: &Acknowledged,
) {
    let server = Process::serve(database);
    let mut count = 0;
    for key in keys {
        let (client, body) = (&server.client, order(&key, 1));
        let first = client.place_with_retries(&key, &body).await.expect_order();
        if let Some(body) = acknowledged.get(&key) {
            assert_eq!((first.status, &first.body), (200, body), "{key}");
        }
        let again = client.place(&key, body).await.expect(200);
        assert!(again.is_replay());
        assert_eq!(again.body, first.body);
        client.place(&key, order("other", 1)).await.expect(409);
        count += 1;
    }
    assert_eq!(database.orders().await, count);
    server.stop();
}
