//! Another process writes to the file.

use std::time::{Duration, Instant};

use crate::harness::{Acknowledged, Process, TestDatabase, on_sqlite, order};

fn serve(database: &TestDatabase) -> Process {
    let timeouts = [
        "--lock-wait=300ms",
        "--transaction-timeout=1s",
        "--request-timeout=2s",
    ];
    Process::serve_with(database, &timeouts)
}

on_sqlite! {
    async fn a_writer_that_comes_and_goes_loses_no_order(database: &TestDatabase) {
        let server = serve(database);
        let mut placing = tokio::task::JoinSet::new();
        for n in 0..60_u64 {
            let client = server.client.clone();
            placing.spawn(async move {
                tokio::time::sleep(Duration::from_millis(n * 40)).await;
                let key = format!("key-{n}");
                client.place_with_retries(&key, &order(&key, 1)).await.expect_order();
            });
        }
        let mut holds = 0;
        while !placing.is_empty() {
            let hold = database.begin("UPDATE orders SET quantity = 2").await;
            holds += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
            hold.roll_back().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            while let Some(placed) = placing.try_join_next() {
                placed.unwrap();
            }
        }
        assert!(holds >= 5, "the other writer held the lock only {holds} times");
        assert_eq!(database.orders().await, 60);
        server.stop();
    }
}

on_sqlite! {
    async fn a_writer_that_keeps_the_lock_is_503_until_it_ends(database: &TestDatabase) {
        let server = serve(database);
        let mut acknowledged = Acknowledged::default();
        let before = server.client.place("before", order("before", 1)).await;
        acknowledged.insert("before", before);

        let hold = database.begin("UPDATE orders SET quantity = 2").await;
        let keys = || (0..20).map(|n| format!("key-{n}"));
        let started = Instant::now();
        for reply in server.client.place_all(keys(), &order("tea", 1)).await {
            assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
            reply.expect(503);
        }
        assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
        // Readers need no lock.
        server.client.get("/orders").await.expect(200);
        server.client.get("/health").await.expect(200);
        hold.roll_back().await;

        for key in keys() {
            let body = order("tea", 1);
            let placed = server.client.place_with_retries(&key, &body).await.expect_order();
            let replay = server.client.place(&key, body).await.expect(200);
            assert_eq!(replay.body, placed.body);
        }
        acknowledged.assert_replayed(&server.client).await;
        assert_eq!(database.orders().await, 21);
        server.stop();
    }
}
