//! A crash in the second half of a batch that is bisected because a lock wait ran out.

use super::{assert_aborted, assert_converges, crashing};
use crate::harness::{Acknowledged, TestDatabase, on_postgres, order};

/// Another transaction holds the key of the first request, and one that is queued behind it with
/// a neighbour. Their batch times out and is bisected, and the server dies while the half with the
/// neighbour commits. The key of the neighbour is `free`, whose digest sorts after that of `held`:
/// the half with the held key comes first.
async fn dies_in_the_half_without_the_held_key(database: &TestDatabase, at: &str, stored: i64) {
    let (first, held) = (database.hold("first").await, database.hold("held").await);
    let server = crashing(database, at);
    let place = |key: &'static str| {
        let client = server.client.clone();
        tokio::spawn(async move { client.try_place(key, order(key, 1)).await })
    };
    let waiting = place("first");
    database.wait_for_blocked_session().await;
    let (in_use, neighbour) = (place("held"), place("free"));
    for reply in [waiting.await.unwrap(), in_use.await.unwrap()] {
        // The crash may come before the response is sent.
        reply.map(|reply| reply.expect(409));
    }
    assert!(neighbour.await.unwrap().is_none(), "{at}: it was answered");
    assert_aborted(server, at);
    assert_eq!(database.orders().await, stored, "{at}");
    first.roll_back().await;
    held.roll_back().await;
    let keys = ["first", "held", "free"].map(str::to_owned);
    assert_converges(database, keys, &Acknowledged::default()).await;
}

on_postgres! {
    async fn the_half_dies_before_its_claim(database: &TestDatabase) {
        // The claims before it: the first request, the batch, and the half with the held key.
        dies_in_the_half_without_the_held_key(database, "before-claim:4", 0).await;
    }
}

on_postgres! {
    async fn the_half_dies_before_its_commit(database: &TestDatabase) {
        dies_in_the_half_without_the_held_key(database, "before-commit", 0).await;
    }
}

on_postgres! {
    async fn the_half_dies_after_its_commit(database: &TestDatabase) {
        dies_in_the_half_without_the_held_key(database, "after-commit", 1).await;
    }
}

on_postgres! {
    async fn the_half_dies_before_its_answer(database: &TestDatabase) {
        dies_in_the_half_without_the_held_key(database, "before-answer", 1).await;
    }
}
