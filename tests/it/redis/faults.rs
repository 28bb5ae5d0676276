//! Redis wiped, corrupted, stopped or killed under load: no answer changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinSet;

use super::{start_with, until_sharing};
use crate::harness::{Client, RedisServer, on_both, order};

/// How long each fault lasts.
const LENGTH: Duration = Duration::from_millis(1_500);
const CLIENTS: usize = 12;

/// What the clients have in common.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    /// Orders placed.
    placed: AtomicUsize,
}

/// Places orders on one instance, and asks for them again on the other, until it is over.
async fn load(name: String, instances: [Client; 2], load: Arc<Load>) {
    let mut placed: Vec<(String, Bytes)> = Vec::new();
    while !load.over.load(Ordering::Relaxed) {
        let number = placed.len();
        let (here, there) = (&instances[number % 2], &instances[(number + 1) % 2]);
        let key = format!("{name}-{number}");
        let first = here.place(&key, order("beans", 2)).await.expect(201);
        load.placed.fetch_add(1, Ordering::Relaxed);
        placed.push((key, first.body));
        // An order of a moment ago, and an earlier one.
        for (key, body) in [&placed[number], &placed[fastrand::usize(..=number)]] {
            let again = there
                .place(key, order("beans", 2))
                .await
                .expect(200)
                .expect_order();
            assert_eq!(again.body, body, "{key}");
        }
        let (key, _) = &placed[fastrand::usize(..=number)];
        let other = there.place(key, order("beans", 3)).await;
        other.expect_error(409, "Idempotency key reused with different request");
    }
}

/// Overwrites every value: with a byte changed, cut short, with that of another key, with nonsense.
const CORRUPT: &str = "local names = redis.call('KEYS', 'orders:*')
    for at, name in ipairs(names) do
        local value = redis.call('GET', name)
        if value and at % 4 == 0 and #value > 20 then redis.call('SETRANGE', name, #value - 5, 'X')
        elseif value and at % 4 == 1 and #value > 20 then redis.call('SET', name, string.sub(value, 1, #value - 1))
        elseif value and at % 4 == 2 then redis.call('SET', name, redis.call('GET', names[1]))
        else redis.call('SET', name, 'nonsense') end
    end";

on_both! {
    async fn redis_wiped_corrupted_stopped_or_killed_under_load(database: &TestDatabase) {
        let mut redis = RedisServer::start();
        let start = || start_with(database, &redis, Duration::from_millis(100));
        let instances = [start().await, start().await];
        let before = database.orders().await;
        let shared = Arc::new(Load::default());
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let targets = [&instances[0], &instances[1]].map(|one| one.client.clone());
            clients.spawn(load(format!("key-{client}"), targets, Arc::clone(&shared)));
        }

        let hits = redis.hits();
        tokio::time::sleep(LENGTH).await;
        assert!(redis.hits() > hits + 10, "the load reaches Redis");
        let healthy = shared.placed.load(Ordering::Relaxed);
        for fault in ["wiped", "corrupted", "stopped", "killed"] {
            let (begin, placed) = (Instant::now(), shared.placed.load(Ordering::Relaxed));
            while begin.elapsed() < LENGTH {
                match fault {
                    "wiped" => redis.command::<()>(&[b"FLUSHALL"]),
                    "corrupted" => redis.command::<()>(&[b"EVAL", CORRUPT.as_bytes(), b"0"]),
                    "stopped" => {
                        redis.signal("STOP");
                        tokio::time::sleep(LENGTH).await;
                        redis.signal("CONT");
                    }
                    _ => {
                        redis.kill();
                        tokio::time::sleep(Duration::from_millis(300)).await;
                        redis.restart();
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let dead = clients.try_join_next();
            assert!(dead.is_none(), "{fault}: {dead:?}");
            // Redis may cost its time limit once, and not every batch.
            let placed = shared.placed.load(Ordering::Relaxed) - placed;
            assert!(fault == "corrupted" || placed > healthy / 5, "{fault}: {placed} of {healthy}");
        }

        shared.over.store(true, Ordering::Relaxed);
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
        let placed = shared.placed.load(Ordering::Relaxed);
        assert_eq!(database.orders().await - before, i64::try_from(placed).unwrap());
        // It is used again.
        for instance in instances {
            until_sharing(&instance.client, &redis).await;
            instance.stop().await;
        }
    }
}
