//! The server dies at each step of a batch, and every retry finds exactly one order.
//!
//! Where the step is the program's own it aborts there by itself (`ORDERS_CRASH_AT`, compiled into
//! test builds only); where it is PostgreSQL's, which commits a batch as one statement, the
//! statement is held there and the server is killed.

mod brief;
mod inside;
mod steps;

use std::collections::HashMap;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::harness::{Backend, Client, Process, Reply, TestDatabase, order};

/// Keys of a storm, and how many clients send each.
const KEYS: usize = 6;
const COPIES: usize = 3;

/// What the clients were told before the crash: the body, by key.
type Acknowledged = HashMap<String, Bytes>;

/// The backends of servers that are held up.
const HELD: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND application_name = 'orders' AND wait_event_type = 'Lock'";

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("key-{n}")).collect()
}

async fn database(backend: Backend) -> TestDatabase {
    let database = TestDatabase::create(backend).await;
    database.connect().await.schema().up().await.unwrap();
    database
}

/// A server that aborts at a step. One lane: what is sent to it at once is few batches.
fn crashing(database: &TestDatabase, at: &str) -> Process {
    let mut command = Process::serving(database);
    Process::start(command.args(["--lanes", "1"]).env("ORDERS_CRASH_AT", at))
}

/// Sends a request that the crash may cut off.
async fn attempt(client: Client, key: String) -> (String, Option<Reply>) {
    let request = client.post(order(&key, 1)).header("idempotency-key", &key);
    (key, Reply::try_to(request).await.ok())
}

/// Sends every key several times at once and returns what was acknowledged.
async fn storm(client: &Client) -> Acknowledged {
    let mut requests = JoinSet::new();
    for key in std::iter::repeat_n(keys(), COPIES).flatten() {
        requests.spawn(attempt(client.clone(), key));
    }
    let replies = requests.join_all().await.into_iter();
    let replies = replies.filter_map(|(key, reply)| Some((key, reply?)));
    replies
        .map(|(key, reply)| {
            assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
            (key, reply.body)
        })
        .collect()
}

/// After the crash: every key has exactly one order, the one that was acknowledged if any was, and
/// every answer from now on has the same bytes.
async fn assert_converges(database: TestDatabase, keys: Vec<String>, acknowledged: &Acknowledged) {
    let server = Process::serve(&database);
    let count = i64::try_from(keys.len()).unwrap();
    for key in keys {
        let first = server.client.persist(&key, &order(&key, 1)).await;
        assert!(matches!(first.status, 200 | 201), "{}", first.text());
        if let Some(body) = acknowledged.get(&key) {
            assert_eq!((first.status, &first.body), (200, body));
        }
        let again = server.client.place(&key, order(&key, 1)).await.expect(200);
        assert!(again.is_replay());
        assert_eq!(again.body, first.body);
        server
            .client
            .place(&key, order("other", 1))
            .await
            .expect(409);
    }
    assert_eq!(database.orders().await, count);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    database.assert_promise().await;
    database.drop().await;
}
