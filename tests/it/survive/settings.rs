//! What one session does for many transactions: its settings, and the statistics of its writes.

use super::{Load, long_deadline, private_database};
use crate::harness::{Bounds, Instance, Pooler, order};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_the_session_loses_are_set_in_each_transaction() {
    let (_cluster, database) = private_database().await;
    let pooler = Pooler::start(
        &database,
        "pool_mode = session\nignore_startup_parameters = options",
    );
    let url = format!("{}&settings=transaction", pooler.url(&database));
    let instance = Instance::start_on(&url, Bounds::default()).await;
    let client = &instance.client;

    let first = client.place("key", order("tea", 1)).await.expect(201);
    let replay = client.place("key", order("tea", 1)).await.expect(200);
    assert_eq!(replay.body, first.body);
    let reused = client.place("key", order("tea", 2)).await.expect(409);
    assert_eq!(reused.json()["code"], "IDEMPOTENCY_KEY_REUSED");
    let path = format!("/orders/{}", first.id());
    assert_eq!(client.get(&path).await.expect(200).body, first.body);

    // Without a lock wait the session would wait for as long as the key is held: until the request
    // times out with 503.
    let held = database.hold("held").await;
    let (in_use, neighbour) = tokio::join!(
        client.place("held", order("tea", 1)),
        client.place("neighbour", order("tea", 1)),
    );
    assert_eq!(in_use.expect(409).json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    neighbour.expect(201);
    held.roll_back().await;
    client.place("held", order("tea", 1)).await.expect(201);

    instance.stop().await;
    database.assert_promise().await;
}

/// PostgreSQL counts the rows of a session between transactions. Autovacuum would not hear of rows
/// that are written in a chain of transactions without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_counted_while_load_goes_on() {
    let (_cluster, database) = private_database().await;
    let instance = Instance::start_on(&database.url, long_deadline()).await;
    let load = Load::start(&[&instance.client]);
    load.progress(100).await;
    let counted = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'orders'";
    database.until(counted, |rows| rows > 0).await;
    load.progress(100).await;
    load.stop().await.assert_not_noticed();
    instance.stop().await;
    database.assert_promise().await;
}
