//! What fails for a while delays commands, and neither loses nor repeats one.

use std::process::Stdio;
use std::time::Duration;

use sea_orm::{ConnectionTrait, TransactionTrait};

use super::{
    DEAD_LETTERS, GROUP, TOPIC, broker, command, consuming, create_topics, outcome, start,
};
use crate::harness::{
    Backend, Broker, Fault, Process, Proxy, Record, TestDatabase, on_both, on_postgres,
};

const ORDERS: &str = "SELECT count(*) FROM orders";

fn commands(range: std::ops::Range<i64>) -> Vec<Record> {
    range
        .map(|number| command(&format!("key-{number}"), "tea", 1))
        .collect()
}

/// Polls of a few commands, so that a fault meets some of many.
fn small_polls(database: &TestDatabase, url: &str) -> std::process::Command {
    let mut consumer = consuming(database, url);
    consumer.args(["--poll-max", "10"]);
    consumer
}

on_postgres! {
    async fn commands_wait_for_a_database_that_is_away(database: &TestDatabase) {
        let broker = broker(1).await;
        let proxy = Proxy::start(database).await;
        // The member takes part in the group meanwhile: otherwise it is excluded after 3 s.
        let url = broker.group_url(TOPIC) + "&max.poll.interval.ms=3000";
        let consumer = Process::start(
            small_polls(database, &url)
                .env("DATABASE_URL", proxy.url(database))
                .env("ORDERS_LOG", "orders=info")
                .stderr(Stdio::piped()),
        );
        broker.produce(TOPIC, &commands(0..10)).await;
        broker.until_committed(GROUP, TOPIC, 10).await;

        proxy.inject(Fault::Down);
        broker.produce(TOPIC, &commands(10..50)).await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(broker.committed(GROUP, TOPIC).await, [(0, 10)].into());
        consumer.client.get("/livez").await.expect(200);
        consumer.client.get("/health").await.expect(503);

        proxy.heal();
        broker.until_committed(GROUP, TOPIC, 50).await;
        assert_eq!(database.orders().await, 50);
        assert!(broker.read(DEAD_LETTERS, 0).await.is_empty());
        consumer.signal("TERM");
        let (code, log) = consumer.log();
        assert_eq!(code, Some(0));
        assert_eq!(log.matches("partitions assigned").count(), 1, "{log}");
        assert!(log.contains("database unavailable"), "{log}");
    }
}

on_both! {
    async fn commands_wait_for_a_database_that_is_locked(database: &TestDatabase) {
        let broker = broker(1).await;
        let consumer = Process::start(&mut small_polls(database, &broker.group_url(TOPIC)));
        let sql = database.sql().await;
        let lock = sql.begin().await.unwrap();
        let statement = match database.backend {
            Backend::Sqlite => "UPDATE orders SET quantity = quantity WHERE quantity = 0",
            Backend::Postgres => "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE",
        };
        lock.execute_unprepared(statement).await.unwrap();
        broker.produce(TOPIC, &commands(0..30)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(broker.committed(GROUP, TOPIC).await, [].into());
        lock.rollback().await.unwrap();
        sql.close().await.unwrap();

        broker.until_committed(GROUP, TOPIC, 30).await;
        assert_eq!(database.orders().await, 30);
        assert!(broker.read(DEAD_LETTERS, 0).await.is_empty());
        consumer.stop();
    }
}

on_both! {
    async fn commands_wait_for_a_broker_whose_connection_is_cut(database: &TestDatabase) {
        let broker = Broker::start_behind_proxy().await;
        create_topics(&broker, 1).await;
        broker.produce(TOPIC, &commands(0..500)).await;
        let consumer = Process::start(&mut small_polls(database, &broker.group_url(TOPIC)));
        database.until(ORDERS, |count| count >= 50).await;
        for _ in 0..2 {
            broker.proxy().inject(Fault::Down);
            // Longer than the session: the group excludes the member.
            tokio::time::sleep(Duration::from_secs(4)).await;
            broker.proxy().heal();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        broker.until_committed(GROUP, TOPIC, 500).await;
        assert_eq!(database.orders().await, 500);
        // What comes later is consumed as before.
        broker.produce(TOPIC, &commands(400..510)).await;
        broker.until_committed(GROUP, TOPIC, 610).await;
        assert_eq!(database.orders().await, 510);
        assert!(broker.read(DEAD_LETTERS, 0).await.is_empty());
        consumer.stop();
    }
}

on_both! {
    async fn an_offset_is_never_committed_before_its_order(database: &TestDatabase) {
        let broker = broker(1).await;
        broker.produce(TOPIC, &commands(0..200)).await;
        for point in ["before-claim", "before-commit", "after-commit", "before-answer"] {
            let mut crashing = small_polls(database, &broker.group_url(TOPIC));
            let consumer = Process::start(crashing.env("ORDERS_CRASH_AT", format!("{point}:3")));
            assert_eq!(consumer.wait(), None, "{point}: it exited by itself");
            let committed: i64 = broker.committed(GROUP, TOPIC).await.values().sum();
            let orders = database.orders().await;
            assert!(committed <= orders, "{point}: {committed} offsets, {orders} orders");
        }
        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 200).await;
        assert_eq!(database.orders().await, 200);
        // Orders of a commit whose offsets were not committed.
        assert!(outcome(&consumer.client, "replayed_from_database").await > 0);
        consumer.stop();
    }
}

on_both! {
    async fn a_stop_does_not_wait_for_a_database_for_ever(database: &TestDatabase) {
        let broker = broker(1).await;
        let mut consumer = small_polls(database, &broker.group_url(TOPIC));
        let consumer = Process::start(consumer.arg("--shutdown-timeout=1s"));
        let sql = database.sql().await;
        let lock = sql.begin().await.unwrap();
        let statement = match database.backend {
            Backend::Sqlite => "UPDATE orders SET quantity = quantity WHERE quantity = 0",
            Backend::Postgres => "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE",
        };
        lock.execute_unprepared(statement).await.unwrap();
        broker.produce(TOPIC, &commands(0..5)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        consumer.stop();
        lock.rollback().await.unwrap();
        sql.close().await.unwrap();
        assert_eq!(broker.committed(GROUP, TOPIC).await, [].into());
        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 5).await;
        assert_eq!(database.orders().await, 5);
        consumer.stop();
    }
}
