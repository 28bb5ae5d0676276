//! Retries at the very moment of the sweep.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use crate::harness::{App, Bounds, Reply, on_both, order};

const KEYS: usize = 50;
const RETRIES: usize = 10_000;

/// Every answer expires at once, its tombstone after `tombstones`.
fn expiring(tombstones: Duration) -> Bounds {
    Bounds::with(|bounds| {
        bounds.executor.retention.answers = Duration::ZERO;
        bounds.executor.retention.tombstones = tombstones;
    })
}

/// Retries beside a sweep that never pauses, for as long as it takes. Returns the replies by key.
async fn retry_beside_sweeps(app: &App) -> HashMap<String, Vec<Reply>> {
    let retried = Arc::new(AtomicBool::new(false));
    let sweeping = {
        let (client, retried) = (app.client.clone(), Arc::clone(&retried));
        tokio::spawn(async move {
            while !retried.load(Ordering::Relaxed) {
                client.post_to("/admin/cleanup").await.expect(200);
            }
        })
    };
    let keys = (0..RETRIES).map(|n| format!("key-{}", n % KEYS));
    let replies = stream::iter(keys).map(|key| async {
        let reply = app.client.place(&key, order("tea", 1)).await;
        (key, reply)
    });
    let replies: Vec<_> = replies.buffer_unordered(64).collect().await;
    retried.store(true, Ordering::Relaxed);
    sweeping.await.unwrap();
    let mut of_key: HashMap<String, Vec<Reply>> = HashMap::new();
    for (key, reply) in replies {
        of_key.entry(key).or_default().push(reply);
    }
    of_key
}

/// Asserts that there are no other answers, and counts the orders that were placed.
fn placed(replies: &[Reply]) -> usize {
    for reply in replies {
        match reply.status {
            200 | 201 => {}
            409 => assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_EXPIRED"),
            status => panic!("{status}: {}", reply.text()),
        }
    }
    replies.iter().filter(|reply| reply.status == 201).count()
}

on_both! {
    async fn a_stored_key_never_gets_a_second_order(
        app: &App with expiring(Duration::from_hours(1))
    ) {
        let began = Instant::now();
        // At least until the clock of SQLite has moved by a whole second.
        while began.elapsed() < Duration::from_secs(3) {
            for (key, replies) in retry_beside_sweeps(app).await {
                let locations = replies.iter().map(|reply| reply.header("location").unwrap());
                let mut locations: Vec<_> = locations.collect();
                locations.sort_unstable();
                locations.dedup();
                assert_eq!(locations.len(), 1, "{key}: {locations:?}");
                assert!(placed(&replies) <= 1, "{key}");
            }
        }
        assert_eq!(app.database.orders().await, i64::try_from(KEYS).unwrap());
        assert!(app.database.keys().await.1 > 0, "nothing was swept");
    }
}

on_both! {
    async fn a_key_whose_row_is_deleted_at_that_moment_is_new(app: &App with expiring(Duration::ZERO)) {
        let (began, mut orders) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(3) {
            let replies = retry_beside_sweeps(app).await;
            orders += replies.values().map(|replies| placed(replies)).sum::<usize>();
        }
        assert_eq!(app.database.orders().await, i64::try_from(orders).unwrap());
        assert!(orders > KEYS, "nothing was swept");
        app.database.delete_orders_without_key().await;
    }
}

on_both! {
    async fn two_sweeps_at_once_delete_each_answer_once(app: &App) {
        let keys = (0..1000).map(|n| format!("key-{n}"));
        app.client.place_all(keys, &order("tea", 1)).await;
        app.database.age_keys(25).await;
        let other = app.another().await;
        let (a, b) = tokio::join!(super::super::cleanup(&app.client), super::super::cleanup(&other.client));
        assert_eq!(a + b, 1000);
        other.stop().await;
    }
}
