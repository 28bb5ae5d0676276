//! `kill -9` of the server, in a loop, under load.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use bytes::Bytes;

use crate::harness::{Backend, Process, Reply, TestDatabase, order};

const ROUNDS: u64 = 8;
const KEYS: u64 = 60;

async fn every_key_converges_and_no_acknowledged_order_is_lost(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    database.connect().await.schema().up().await.unwrap();
    let mut acknowledged: HashMap<String, Bytes> = HashMap::new();
    let mut cut_off = 0;
    for round in 0..ROUNDS {
        let server = Process::serve(&database);
        let answered = Arc::new(Semaphore::new(0));
        let mut requests = tokio::task::JoinSet::new();
        for n in 0..KEYS {
            let (client, key) = (server.client.clone(), format!("{round}-{n}"));
            let answered = answered.clone();
            requests.spawn(async move {
                // Requests arrive all the time until the end.
                tokio::time::sleep(Duration::from_micros(n * 500)).await;
                let request = client.post(order(&key, 1)).header("idempotency-key", &key);
                let reply = Reply::try_to(request).await;
                answered.add_permits(1);
                (key, reply)
            });
        }
        // Killed after some answers, a few more in every round.
        let some = u32::try_from(1 + round * 4).unwrap();
        drop(answered.acquire_many(some).await.unwrap());
        server.kill();
        for (key, reply) in requests.join_all().await {
            match reply {
                Ok(reply) => {
                    acknowledged.insert(key, reply.expect(201).body);
                }
                Err(_) => cut_off += 1,
            }
        }
    }
    assert!(
        cut_off > 0 && !acknowledged.is_empty(),
        "killed in the middle of the load"
    );

    let server = Process::serve(&database);
    for (round, n) in (0..ROUNDS).flat_map(|round| (0..KEYS).map(move |n| (round, n))) {
        let key = format!("{round}-{n}");
        let retry = server.client.place(&key, order(&key, 1)).await;
        match acknowledged.get(&key) {
            Some(body) => assert_eq!(retry.expect(200).body, body),
            None => assert!(matches!(retry.status, 200 | 201), "{}", retry.text()),
        }
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(
        database.orders().await,
        i64::try_from(ROUNDS * KEYS).unwrap()
    );
    database.assert_promise().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_sqlite() {
    every_key_converges_and_no_acknowledged_order_is_lost(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_postgres() {
    every_key_converges_and_no_acknowledged_order_is_lost(Backend::Postgres).await;
}
