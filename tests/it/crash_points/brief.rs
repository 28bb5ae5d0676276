//! The one transaction of several statements on PostgreSQL: a batch that is tried in halves after
//! a full lock wait ran out.

use super::{Acknowledged, HELD, assert_converges, attempt, crashing, database};
use crate::harness::Backend;

/// Other transactions hold a key that the first request waits for, and one that is queued behind
/// it with a neighbour. So their batch waits in vain, and then the neighbour is tried alone.
async fn the_half_without_the_held_key_dies(at: &str, stored: i64) {
    let database = database(Backend::Postgres).await;
    let (first, held) = (database.hold("first").await, database.hold("held").await);
    let server = crashing(&database, at);
    let waiting = tokio::spawn(attempt(server.client.clone(), "first".into()));
    database.until(HELD, |held| held > 0).await;
    let (in_use, neighbour) = tokio::join!(
        attempt(server.client.clone(), "held".into()),
        attempt(server.client.clone(), "neighbour".into()),
    );
    for (key, reply) in [waiting.await.unwrap(), in_use] {
        // The crash may come before an answer is on the wire.
        if let Some(reply) = reply {
            assert_eq!(reply.status, 409, "{key}: {}", reply.text());
        }
    }
    assert!(neighbour.1.is_none(), "it was not answered");
    assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
    assert_eq!(database.orders().await, stored, "{at}");
    first.roll_back().await;
    held.roll_back().await;
    let keys = ["first", "held", "neighbour"].map(str::to_owned).to_vec();
    assert_converges(database, keys, &Acknowledged::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_claim() {
    // Before it: the first, the batch, and the half with the held key.
    the_half_without_the_held_key_dies("before-claim:4", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_commit() {
    the_half_without_the_held_key_dies("before-commit", 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_commit() {
    the_half_without_the_held_key_dies("after-commit", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_its_answer() {
    the_half_without_the_held_key_dies("before-answer", 1).await;
}
