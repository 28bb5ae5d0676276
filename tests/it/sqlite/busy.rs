//! Another process writes to the file.

use std::time::{Duration, Instant};

use super::{Acknowledged, database};
use crate::harness::{Process, TestDatabase, order};

fn serve(database: &TestDatabase) -> Process {
    let mut command = Process::serving(database);
    command.args(["--lock-wait", "300ms", "--transaction-timeout", "1s"]);
    Process::start(command.args(["--request-timeout", "2s"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_comes_and_goes_costs_nobody_an_order() {
    let (database, _) = database().await;
    let server = serve(&database);
    let mut placing = tokio::task::JoinSet::new();
    for n in 0..60_u64 {
        let client = server.client.clone();
        placing.spawn(async move {
            tokio::time::sleep(Duration::from_millis(n * 40)).await;
            let key = format!("key-{n}");
            let reply = client.persist(&key, &order(&key, 1)).await;
            (key, reply)
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
            let (key, reply) = placed.unwrap();
            assert!(matches!(reply.status, 200 | 201), "{key}: {}", reply.text());
        }
    }
    assert!(holds >= 5, "the other writer was there all the time");
    assert_eq!(database.orders().await, 60);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    database.assert_promise().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_stays_is_503_until_it_is_gone() {
    let (database, _) = database().await;
    let server = serve(&database);
    let mut acknowledged = Acknowledged::default();
    let before = server.client.place("before", order("before", 1)).await;
    acknowledged
        .0
        .insert("before".into(), before.expect(201).body);

    let hold = database.begin("UPDATE orders SET quantity = 2").await;
    let mut refused = tokio::task::JoinSet::new();
    let started = Instant::now();
    for n in 0..20 {
        let client = server.client.clone();
        let key = format!("key-{n}");
        refused.spawn(async move { client.place(&key, order(&key, 1)).await });
    }
    for reply in refused.join_all().await {
        assert_eq!(reply.header("retry-after"), Some("1"), "{}", reply.text());
        reply.expect(503);
    }
    assert!(started.elapsed() < Duration::from_secs(8), "in good time");
    // Who only reads is not held up.
    server.client.get("/orders").await.expect(200);
    server.client.get("/health").await.expect(200);
    hold.roll_back().await;

    for key in (0..20).map(|n| format!("key-{n}")) {
        let reply = server.client.persist(&key, &order(&key, 1)).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
        acknowledged.0.insert(key, reply.body);
    }
    acknowledged.assert_kept(&server.client, &database).await;
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    database.assert_promise().await;
}
