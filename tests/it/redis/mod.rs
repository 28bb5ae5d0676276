//! The replay tier that instances share: used where it helps, and never the truth.

mod counted;
mod faults;
mod generations;
mod replays;
mod urls;

use std::sync::Arc;
use std::time::Duration;

use orders::redis::{Redis, Settings};

use crate::harness::{Bounds, Client, Instance, RedisServer, TestDatabase, order};

/// A time limit that a healthy Redis keeps also while all tests run.
const PATIENT: Duration = Duration::from_secs(3);

/// Limits of an instance that shares its answers, and has no cache of its own that would hide it.
fn sharing(redis: &RedisServer, timeout: Duration) -> Bounds {
    let settings = Settings {
        timeout,
        lifetime: Duration::from_mins(1),
    };
    Bounds::with(|bounds| {
        let redis = Redis::start(&redis.url(), settings).unwrap();
        bounds.executor.replay_tier = Some(Arc::new(redis));
        bounds.executor.replay_bytes_max = 0;
    })
}

/// Starts an instance and waits until it uses Redis.
async fn start(database: &TestDatabase, redis: &RedisServer) -> Instance {
    start_with(database, redis, PATIENT).await
}

/// [`start`] with this time limit for Redis.
async fn start_with(database: &TestDatabase, redis: &RedisServer, timeout: Duration) -> Instance {
    let instance = Instance::start(database, sharing(redis, timeout)).await;
    until_sharing(&instance.client, redis).await;
    instance
}

/// Waits until an order of this instance is in Redis.
async fn until_sharing(client: &Client, redis: &RedisServer) {
    let before = redis.entries();
    for _ in 0..200 {
        let key = format!("warm-up-{}", uuid::Uuid::now_v7());
        client.place(&key, order("tea", 1)).await.expect(201);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if redis.entries() > before {
            return;
        }
    }
    panic!("the instance does not use Redis");
}
