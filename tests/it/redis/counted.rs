//! Replays from Redis, counted by the service and at the wire of its database.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::time::{Duration, Instant};

use super::until_sharing;
use crate::harness::{Process, Proxy, RedisServer, TestDatabase, on_both, on_postgres, order};
use crate::observe::Page;

const KEYS: usize = 200;

/// Longer than a transaction that was begun waits for a request.
const IDLE: Duration = Duration::from_millis(1_500);

/// An instance that uses Redis and nothing else to replay, on the database behind `url`.
async fn serve(database: &TestDatabase, url: &str, redis: &RedisServer) -> Process {
    let mut command = Process::serving(database);
    command
        .env("DATABASE_URL", url)
        .args(["--replay-cache=0", "--redis-timeout=3s", "--redis-url"])
        .arg(redis.url());
    let process = Process::start(&mut command);
    until_sharing(&process.client, redis).await;
    process
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|number| format!("key-{number}")).collect()
}

on_both! {
    async fn replays_from_redis_are_counted_and_need_no_transaction(database: &TestDatabase) {
        let redis = RedisServer::start();
        let one = serve(database, &database.url, &redis).await;
        let other = serve(database, &database.url, &redis).await;
        let shared = redis.entries();
        let placed = one.client.place_all(keys(), &order("beans", 2)).await;
        redis.until_entries(shared + KEYS).await;

        let before = Page::of(&other.client).await;
        let replayed = other.client.place_all(keys(), &order("beans", 2)).await;
        for (first, again) in placed.into_iter().zip(replayed) {
            assert_eq!(again.expect(200).expect_order().body, first.expect(201).body);
        }
        let after = Page::of(&other.client).await;
        let transactions = "orders_transaction_duration_seconds_count";
        assert_eq!(after.get(transactions), before.get(transactions));
        assert_eq!(after.outcome("replayed_from_redis"), 200.0);
        assert_eq!(after.outcome("replayed_from_database"), 0.0);
        assert_eq!(after.outcome("replayed_from_memory"), 0.0);

        redis.command::<()>(&[b"FLUSHALL"]);
        other.client.place_all(keys(), &order("beans", 2)).await;
        let after = Page::of(&other.client).await;
        assert!(after.get(transactions) > before.get(transactions));
        assert_eq!(after.outcome("replayed_from_redis"), 200.0);
        assert_eq!(after.outcome("replayed_from_database"), 200.0);
        one.stop();
        other.stop();
    }
}

/// What an instance sends to its database in a second, while it replays or does nothing; and how
/// often it has replayed.
async fn requests(instance: &Process, proxy: &Proxy, replaying: bool) -> (f64, usize) {
    tokio::time::sleep(IDLE).await;
    let (before, begin) = (proxy.requests(), Instant::now());
    let mut replays = 0;
    while begin.elapsed() < Duration::from_secs(2) {
        if replaying {
            for reply in instance.client.place_all(keys(), &order("beans", 2)).await {
                assert!(reply.expect(200).is_replay());
                replays += 1;
            }
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let sent = u32::try_from(proxy.requests() - before).unwrap();
    (f64::from(sent) / begin.elapsed().as_secs_f64(), replays)
}

on_both! {
    async fn a_slow_redis_is_waited_for_within_the_time_limit(database: &TestDatabase) {
        let redis = RedisServer::start();
        let one = serve(database, &database.url, &redis).await;
        let other = serve(database, &database.url, &redis).await;
        let shared = redis.entries();
        let placed = one.client.place("key", order("beans", 2)).await.expect(201);
        redis.until_entries(shared + 1).await;
        redis.command::<()>(&[b"CLIENT", b"PAUSE", b"1200", b"ALL"]);
        let begin = Instant::now();
        let again = other.client.place("key", order("beans", 2)).await.expect(200);
        assert!(begin.elapsed() > Duration::from_millis(600), "{:?}", begin.elapsed());
        assert_eq!(again.body, placed.body);
        assert_eq!(Page::of(&other.client).await.outcome("replayed_from_redis"), 1.0);
        one.stop();
        other.stop();
    }
}

on_postgres! {
    async fn a_second_instance_sends_no_query_to_replay(database: &TestDatabase) {
        let redis = RedisServer::start();
        let one = serve(database, &database.url, &redis).await;
        let proxy = Proxy::start(database).await;
        let other = serve(database, &proxy.url(database), &redis).await;
        let shared = redis.entries();
        one.client.place_all(keys(), &order("beans", 2)).await;
        redis.until_entries(shared + KEYS).await;

        // It asks four times a second which database this is, and nothing else.
        let (idle, _) = requests(&other, &proxy, false).await;
        assert!((1.0..20.0).contains(&idle), "the proxy counts: {idle}/s");
        let (replaying, replays) = requests(&other, &proxy, true).await;
        assert!(replays >= KEYS, "{replays}");
        assert!(replaying < idle + 2.0, "{replaying}/s for {replays} replays, {idle}/s idle");
        assert_eq!(Page::of(&other.client).await.outcome("replayed_from_database"), 0.0);

        redis.command::<()>(&[b"FLUSHALL"]);
        let (asking, replays) = requests(&other, &proxy, true).await;
        assert!(asking > idle + 10.0, "{asking}/s for {replays} replays, {idle}/s idle");
        one.stop();
        other.stop();
    }
}
