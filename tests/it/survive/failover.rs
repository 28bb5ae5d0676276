//! The primary dies, its synchronous standby is promoted, and the address of the database moves.

use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::{Load, fault_duration, long_deadline};
use crate::harness::{Bounds, Cluster, Instance, Proxy, Stop, TestDatabase, order};

/// Moves the address to the standby, so that clients do not reach the old primary, and then
/// promotes it. In between the standby refuses writes.
fn take_over(standby: &Cluster, proxy: &Proxy, database: TestDatabase) -> TestDatabase {
    let database = database.moved_to(standby);
    proxy.redirect(&database);
    block_in_place(|| {
        std::thread::sleep(Duration::from_millis(100));
        standby.promote();
    });
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_under_load_loses_no_order_and_doubles_none() {
    let mut primary = Cluster::start_new(&[]);
    let mut database = TestDatabase::create_in(&primary).await;
    database.migrate().await;
    let proxy = Proxy::start(&database).await;
    let url = proxy.url(&database);
    let one = Instance::start_on(&url, long_deadline()).await;
    let other = Instance::start_on(&url, long_deadline()).await;

    let load = Load::start(&[&one.client, &other.client]);
    let until = Instant::now() + fault_duration();
    let mut outages = Vec::new();
    while outages.is_empty() || Instant::now() < until {
        let standby = block_in_place(|| primary.start_standby());
        load.progress(100).await;
        let began = Instant::now();
        block_in_place(|| primary.stop(Stop::Kill));
        database = take_over(&standby, &proxy, database);
        load.progress(1).await;
        outages.push(began.elapsed());
        load.progress(100).await;
        primary = standby;
    }
    let tally = load.stop().await;
    eprintln!("time from the kill to the first order: {outages:?}");
    tally.assert_not_noticed();
    tally.assert_kept(&one.client, &database).await;
    one.stop().await;
    other.stop().await;
}

/// Two attempts at a batch fit into the request timeout.
fn short_deadline() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.executor.transaction_timeout = Duration::from_millis(1200);
    bounds.executor.request_timeout = Duration::from_secs(4);
    bounds
}

/// A commit whose wait for the standby is interrupted is visible on the primary, and is lost when
/// the primary is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standby_has_not_confirmed_is_not_acknowledged() {
    let primary = Cluster::start_new(&[]);
    let standby = block_in_place(|| primary.start_standby());
    let database = TestDatabase::create_in(&primary).await;
    database.migrate().await;
    let proxy = Proxy::start(&database).await;
    let instance = Instance::start_on(&proxy.url(&database), short_deadline()).await;
    let client = &instance.client;
    let before = client.place("before", order("tea", 1)).await.expect(201);

    block_in_place(|| standby.stop(Stop::Fast));
    let unconfirmed = client.spawn_place("key", order("tea", 1));
    let interrupt = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                     WHERE wait_event = 'SyncRep'";
    while block_in_place(|| primary.sql(interrupt)) == "0" {
        sleep(Duration::from_millis(20)).await;
    }
    let visible = "SELECT count(*) FROM idempotency_keys WHERE key = 'key'";
    database.until(visible, |rows| rows == 1).await;
    unconfirmed.await.unwrap().expect(503);
    client.place("key", order("tea", 1)).await.expect(503);

    block_in_place(|| {
        primary.stop(Stop::Kill);
        standby.start();
    });
    let database = take_over(&standby, &proxy, database);
    assert_eq!(database.count(visible).await, 0, "the standby has the row");
    let placed = client.place_with_retries("key", &order("tea", 1)).await;
    placed.expect(201);
    let replay = client.place_with_retries("before", &order("tea", 1)).await;
    assert_eq!(replay.expect(200).body, before.body);
    assert_eq!(database.orders().await, 2);
    database.assert_promise().await;
    instance.stop().await;
}
