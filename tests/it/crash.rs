//! `kill -9` of the server under load, several times.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::harness::{Acknowledged, Client, Process, Reply, on_both, order};

const ROUNDS: u64 = 8;
const KEYS: u64 = 60;

fn key(round: u64, n: u64) -> String {
    format!("{round}-{n}")
}

/// Places an order for each key of a round, two in a millisecond. Returns the responses: `None`
/// where the connection was lost.
async fn load(
    client: &Client,
    round: u64,
    answered: &Arc<Semaphore>,
) -> Vec<(String, Option<Reply>)> {
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..KEYS {
        let (client, key, answered) = (client.clone(), key(round, n), Arc::clone(answered));
        requests.spawn(async move {
            tokio::time::sleep(Duration::from_micros(n * 500)).await;
            let reply = client.try_place(&key, order(&key, 1)).await;
            answered.add_permits(1);
            (key, reply)
        });
    }
    requests.join_all().await
}

on_both! {
    async fn kill_9_under_load_loses_no_acknowledged_order(database: &TestDatabase) {
        let mut acknowledged = Acknowledged::default();
        let mut lost = 0;
        for round in 0..ROUNDS {
            let server = Process::serve(database);
            let (client, answered) = (server.client.clone(), Arc::new(Semaphore::new(0)));
            let load = tokio::spawn({
                let answered = Arc::clone(&answered);
                async move { load(&client, round, &answered).await }
            });
            // The kill comes a few responses later in each round.
            let some = u32::try_from(1 + round * 4).unwrap();
            drop(answered.acquire_many(some).await.unwrap());
            server.kill();
            for (key, reply) in load.await.unwrap() {
                match reply {
                    Some(reply) => acknowledged.insert(key, reply.expect(201)),
                    None => lost += 1,
                }
            }
        }
        assert!(lost > 0 && acknowledged.len() > 0, "the kills were not under load");

        let server = Process::serve(database);
        for (round, n) in (0..ROUNDS).flat_map(|round| (0..KEYS).map(move |n| (round, n))) {
            let key = key(round, n);
            let retry = server.client.place(&key, order(&key, 1)).await.expect_order();
            if let Some(body) = acknowledged.get(&key) {
                assert_eq!((retry.status, &retry.body), (200, body), "{key}");
            }
        }
        server.stop();
        assert_eq!(database.orders().await, i64::try_from(ROUNDS * KEYS).unwrap());
    }
}
