//! Any default isolation level, and the conflicts that come with it.

use std::time::Duration;

use tokio::time::sleep;

use super::{Load, private_database};
use crate::harness::{Bounds, Cluster, Instance, Pooler, TestDatabase, order};

const LEVELS: [&str; 2] = ["repeatable read", "serializable"];

/// A database whose sessions have this isolation level by default.
async fn database_with(level: &str) -> (Cluster, TestDatabase) {
    let (cluster, database) = private_database().await;
    database.set("default_transaction_isolation", level).await;
    (cluster, database)
}

/// Two instances race for every key. No order is lost or doubled, and every request is answered
/// 2xx.
async fn race(database: &TestDatabase, url: &str) {
    let one = Instance::start_on(url, Bounds::default()).await;
    let other = Instance::start_on(url, Bounds::default()).await;
    let load = Load::start(&[&one.client, &other.client]);
    load.progress(400).await;
    let tally = load.stop().await;
    tally.assert_not_noticed();
    tally.assert_kept(&one.client, database).await;
    one.stop().await;
    other.stop().await;
}

/// A claim waits for another instance, whose commit is newer than the snapshot of the claim.
async fn meet_a_newer_row(database: &TestDatabase, url: &str) {
    let instance = Instance::start_on(url, Bounds::default()).await;
    let other = database.hold_order("newer").await;
    let placed = instance.client.spawn_place("newer", order("tea", 2));
    database.wait_for_blocked_session().await;
    other.commit().await;
    let reused = placed.await.unwrap().expect(409);
    assert_eq!(reused.json()["code"], "IDEMPOTENCY_KEY_REUSED");
    database.assert_promise().await;
    instance.stop().await;
}

fn conflicts(cluster: &Cluster) -> usize {
    cluster.log().matches("could not serialize access").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stricter_default_isolation_is_overridden() {
    for level in LEVELS {
        let (cluster, database) = database_with(level).await;
        race(&database, &database.url).await;
        meet_a_newer_row(&database, &database.url).await;
        assert_eq!(conflicts(&cluster), 0, "{level}");
    }
}

/// A pooler in session mode drops the settings of the service, and the database has all of them as
/// its defaults except the isolation level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_isolation_that_cannot_be_overridden_causes_conflicts_that_are_retried() {
    const SESSION_MODE: &str = "pool_mode = session\ndefault_pool_size = 50\n\
                                ignore_startup_parameters = options";
    for level in LEVELS {
        let (cluster, database) = database_with(level).await;
        for (setting, value) in [
            ("lock_timeout", "1s"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "5s"),
        ] {
            database.set(setting, value).await;
        }
        let pooler = Pooler::start(&database, SESSION_MODE);
        let url = pooler.url(&database);
        race(&database, &url).await;
        meet_a_newer_row(&database, &url).await;
        assert!(conflicts(&cluster) > 0, "{level} was not in force");
    }
}

/// Another client claims the keys of a batch in another order: a deadlock, with the service as the
/// victim.
async fn a_deadlock_is_retried(parameter: &str) {
    let (cluster, database) = private_database().await;
    // The session that waits this long first is the victim. The lock wait ends later, after 1 s.
    database.set("deadlock_timeout", "900ms").await;
    let url = format!("{}{parameter}", database.url);
    let instance = Instance::start_on(&url, Bounds::one_lane()).await;
    let place = |key| instance.client.spawn_place(key, order("tea", 1));

    // Two keys that arrive while the lane is busy are one batch.
    let busy = database.hold("busy").await;
    let z = database.hold("z").await;
    let first = place("busy");
    database.wait_for_blocked_session().await;
    let both = [place("a"), place("z")];
    sleep(Duration::from_millis(200)).await;
    busy.roll_back().await;
    first.await.unwrap().expect(201);
    database.wait_for_blocked_session().await;
    z.also_claim("a").await;
    z.roll_back().await;
    for placed in both {
        placed.await.unwrap().expect(201);
    }
    assert_eq!(cluster.log().matches("deadlock detected").count(), 1);
    assert_eq!(database.orders().await, 3);
    database.assert_promise().await;
    instance.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_retried_directly() {
    a_deadlock_is_retried("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_retried_in_pooler_mode() {
    a_deadlock_is_retried("?pooler=transaction").await;
}
