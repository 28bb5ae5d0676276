//! The primary dies, its synchronous standby takes over, and the address of the database follows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Load, trouble};
use crate::harness::{Bounds, Cluster, Instance, Proxy, Stop, TestDatabase, order};

/// The address leads to the standby, and nobody can reach whatever is left of the old primary any
/// more. It leads there too early, as addresses do: for a moment nothing can be written.
fn take_over(standby: &Cluster, proxy: &Proxy, database: TestDatabase) -> TestDatabase {
    let database = database.moved_to(standby);
    proxy.redirect(&database);
    tokio::task::block_in_place(|| {
        std::thread::sleep(Duration::from_millis(100));
        standby.promote();
    });
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_under_load_loses_no_order_and_doubles_none() {
    let mut primary = Cluster::start_new(&[]);
    let mut database = TestDatabase::create_in(&primary).await;
    database.connect().await.schema().up().await.unwrap();
    let proxy = Proxy::start(&database).await;
    let url = proxy.url(&database);
    let one = Instance::start_on(&url, Bounds::default()).await;
    let other = Instance::start_on(&url, Bounds::default()).await;

    let load = Load::start(&[&one.client, &other.client]);
    let until = Instant::now() + trouble();
    let mut away = Vec::new();
    while away.is_empty() || Instant::now() < until {
        let standby = tokio::task::block_in_place(|| primary.start_standby());
        load.progress(100).await;
        let began = Instant::now();
        tokio::task::block_in_place(|| primary.stop(Stop::Kill));
        database = take_over(&standby, &proxy, database);
        load.progress(1).await;
        away.push(began.elapsed());
        load.progress(100).await;
        primary = standby;
    }
    let tally = load.stop().await;
    eprintln!("failed over, first order after {away:?}");
    tally.assert_hardly_noticed();
    tally.assert_kept(&one.client, &database).await;
    one.stop().await;
    other.stop().await;
}

/// A commit that is torn out of its wait for the standby is visible, and may be lost all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_standby_has_not_confirmed_is_acknowledged_to_nobody() {
    let primary = Cluster::start_new(&[]);
    let standby = tokio::task::block_in_place(|| primary.start_standby());
    let database = TestDatabase::create_in(&primary).await;
    database.connect().await.schema().up().await.unwrap();
    let proxy = Proxy::start(&database).await;
    let mut bounds = Bounds::default();
    bounds.executor.transaction_timeout = Duration::from_millis(1200);
    bounds.executor.request_timeout = Duration::from_secs(4);
    let instance = Instance::start_on(&proxy.url(&database), bounds).await;
    let client = &instance.client;
    let before = client.place("before", order("tea", 1)).await.expect(201);

    tokio::task::block_in_place(|| standby.stop(Stop::Fast));
    let unconfirmed = tokio::spawn(client.clone().place_owned("key", order("tea", 1)));
    let torn = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE wait_event = 'SyncRep'";
    while tokio::task::block_in_place(|| primary.sql(torn)) == "0" {
        sleep(Duration::from_millis(20)).await;
    }
    let visible = "SELECT count(*) FROM idempotency_keys WHERE key = 'key'";
    while database.count(visible).await == 0 {
        sleep(Duration::from_millis(20)).await;
    }
    unconfirmed.await.unwrap().expect(503);
    client.place("key", order("tea", 1)).await.expect(503);

    tokio::task::block_in_place(|| {
        primary.stop(Stop::Kill);
        standby.start();
    });
    let database = take_over(&standby, &proxy, database);
    assert_eq!(database.count(visible).await, 0, "the standby never had it");
    client.persist("key", &order("tea", 1)).await.expect(201);
    let replay = client.persist("before", &order("tea", 1)).await.expect(200);
    assert_eq!(replay.body, before.body);
    assert_eq!(database.orders().await, 2);
    database.assert_promise().await;
    instance.stop().await;
}
