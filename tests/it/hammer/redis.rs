//! Instances that share replays in a Redis keep the contract, and so does a Redis that dies.

use std::time::Duration;

use super::{hammer, json, text};
use crate::harness::{Backend, RedisServer, TestDatabase};

/// How long Redis is there, and how long it is not.
const THERE: Duration = Duration::from_secs(8);
const AWAY: Duration = Duration::from_millis(500);

/// Kills and restarts Redis again and again, and adds up the keys that it has found.
async fn torment(redis: &mut RedisServer, hits: &mut u64) {
    loop {
        tokio::time::sleep(THERE).await;
        *hits += redis.hits();
        redis.kill();
        tokio::time::sleep(AWAY).await;
        redis.restart();
    }
}

async fn judge(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let mut redis = RedisServer::start();
    // Without a cache of its own an instance takes every replay from Redis or the database. The
    // time limit is one that a healthy Redis keeps also while all tests run.
    let spawned = format!(
        "HOST=127.0.0.1 DATABASE_URL='{}' exec '{}' serve --redis-url {} --redis-timeout 2s \
         --replay-cache 0",
        database.url,
        env!("CARGO_BIN_EXE_orders"),
        redis.url(),
    );
    let oracle = format!("db:{}", database.url);
    let service = ["--spawn", &spawned, "--strict", "--report", "report"];
    let oracles = ["--oracle", "api", "--oracle", &oracle];
    let scenarios = ["kill", "across", "mismatch", "burst", "lost-answer", "late"];
    let scenarios = scenarios.iter().flat_map(|name| ["--scenario", name]);
    let arguments = service.into_iter().chain(oracles).chain(scenarios);
    let arguments: Vec<&str> = arguments.collect();
    let mut hits = 0;
    let output = tokio::select! {
        output = hammer(folder.path(), &arguments) => output,
        () = torment(&mut redis, &mut hits) => unreachable!("it never ends"),
    };
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    // Held: also on evidence that kills met requests in flight.
    let report = json(&folder.path().join("report"));
    assert_eq!(report["verdict"], "held");
    assert!(hits > 10, "{hits} replays came from Redis");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_with_redis_keep_the_contract_on_sqlite() {
    judge(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_with_redis_keep_the_contract_on_postgres() {
    judge(Backend::Postgres).await;
}
