//! Whatever isolation the database gives a session, and the conflicts that come with it.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::sleep;

use super::Load;
use crate::harness::{Bounds, Cluster, Instance, Pooler, TestDatabase, digest, order};

const LEVELS: [&str; 2] = ["repeatable read", "serializable"];

/// A database whose sessions have this isolation if they say nothing.
async fn database(cluster: &Cluster, level: &str) -> TestDatabase {
    let database = TestDatabase::create_in(cluster).await;
    database.connect().await.schema().up().await.unwrap();
    database.set("default_transaction_isolation", level).await;
    database
}

/// Two instances race for every key; nothing is lost or doubled, and nobody is told of it.
async fn race(database: &TestDatabase, url: &str) {
    let one = Instance::start_on(url, Bounds::default()).await;
    let other = Instance::start_on(url, Bounds::default()).await;
    let load = Load::start(&[&one.client, &other.client]);
    load.progress(400).await;
    let tally = load.stop().await;
    assert_eq!((tally.unavailable, tally.in_use), (0, 0), "{tally}");
    tally.assert_kept(&one.client, database).await;
    one.stop().await;
    other.stop().await;
}

/// Waits until a session of the service's waits for a lock.
async fn waits_for_a_lock(database: &TestDatabase) {
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE application_name = 'orders' AND wait_event_type = 'Lock'";
    database.until(waiting, |sessions| sessions > 0).await;
}

/// Another instance commits a key for which ours waits, and whose row is newer than the snapshot.
async fn meet_a_newer_row(database: &TestDatabase, url: &str) {
    let instance = Instance::start_on(url, Bounds::default()).await;
    let id = uuid::Uuid::now_v7();
    let response = format!(r#"{{"id":"{id}","item":"tea","quantity":1}}"#);
    let digest = digest("newer");
    let other = database
        .begin(&format!(
            "INSERT INTO idempotency_keys (digest, scope, key, fingerprint, resource, response) \
             VALUES ('{digest}', 'place_order', 'newer', '\\x00', '{id}', \
             convert_to('{response}', 'UTF8')); \
             INSERT INTO orders (id, item, quantity) VALUES ('{id}', 'tea', 1)"
        ))
        .await;
    let place = instance
        .client
        .clone()
        .place_owned("newer", order("tea", 2));
    let placed = tokio::spawn(place);
    waits_for_a_lock(database).await;
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
async fn a_stricter_default_is_set_aside_for_our_sessions() {
    for level in LEVELS {
        let cluster = Cluster::start_new(&[("fsync", "off")]);
        let database = database(&cluster, level).await;
        race(&database, &database.url).await;
        meet_a_newer_row(&database, &database.url).await;
        assert_eq!(conflicts(&cluster), 0, "{level}");
    }
}

/// A pooler in session mode that drops our settings, and a database that has all of them as its
/// defaults but the isolation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stricter_isolation_that_cannot_be_set_aside_costs_conflicts_and_nothing_else() {
    const SESSION_MODE: &str = "pool_mode = session\ndefault_pool_size = 50\n\
                                ignore_startup_parameters = options";
    for level in LEVELS {
        let cluster = Cluster::start_new(&[("fsync", "off")]);
        let database = database(&cluster, level).await;
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
        let conflicts = conflicts(&cluster);
        eprintln!("{level}: {conflicts} serialization failures");
        assert!(conflicts > 0, "{level} was not in force");
    }
}

/// Somebody else claims our keys in another order: a real deadlock, of which we are the victim.
async fn a_deadlock_is_run_again(pooled: bool) {
    let cluster = Cluster::start_new(&[("fsync", "off")]);
    let database = TestDatabase::create_in(&cluster).await;
    database.connect().await.schema().up().await.unwrap();
    // Who looks first is the victim: we, shortly before our lock wait of a second ends.
    database.set("deadlock_timeout", "900ms").await;
    let url = if pooled {
        format!("{}?pooler=transaction", database.url)
    } else {
        database.url.clone()
    };
    let mut bounds = Bounds::default();
    bounds.executor.lanes = NonZeroUsize::MIN;
    let instance = Instance::start_on(&url, bounds).await;
    let place = |key| tokio::spawn(instance.client.clone().place_owned(key, order("tea", 1)));

    // One batch of both keys: they arrive while the lane is busy.
    let busy = database.hold("busy").await;
    let z = database.hold("z").await;
    let first = place("busy");
    waits_for_a_lock(&database).await;
    let both = [place("a"), place("z")];
    sleep(Duration::from_millis(200)).await;
    busy.roll_back().await;
    first.await.unwrap().expect(201);
    waits_for_a_lock(&database).await;
    z.also("a").await;
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
async fn a_deadlock_is_run_again_directly() {
    a_deadlock_is_run_again(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_is_run_again_as_through_a_pooler() {
    a_deadlock_is_run_again(true).await;
}
