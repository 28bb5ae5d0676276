//! Cancellation leaves no connection in an unknown state.
//!
//! sqlx 0.9 returns a connection whose `begin` was cancelled to its pool inside an open transaction
//! (sqlx#4385): the next write is acknowledged, visible to no other connection, and lost. Here a
//! transaction belongs to a lane and not to a request, and a lane discards a connection on which it
//! cancels a transaction.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{App, Backend, Bounds, on_both, order};

/// An acknowledged order is visible to other connections at once.
async fn assert_acknowledged_is_stored(app: &App) {
    for n in 0..10 {
        let (before, key) = (app.database.orders().await, format!("after-{n}"));
        let reply = app.client.place_with_retries(&key, &order("tea", 1)).await;
        reply.expect(201);
        assert_eq!(app.database.orders().await, before + 1);
    }
}

on_both! {
    async fn requests_reset_in_flight_poison_no_connection(app: &App) {
        let mut requests = tokio::task::JoinSet::new();
        for n in 0..200_u64 {
            let address = app.client.address;
            requests.spawn(async move {
                let body = order("tea", 1);
                let request = format!(
                    "POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                     Idempotency-Key: reset-{n}\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut connection = TcpStream::connect(address).await.unwrap();
                connection.write_all(request.as_bytes()).await.unwrap();
                // From before the request is read to after it is answered.
                tokio::time::sleep(Duration::from_micros(n * 20)).await;
                // Closing now sends a reset, and the server drops the handler.
                connection.set_zero_linger().unwrap();
            });
        }
        requests.join_all().await;
        for n in 0..200 {
            app.client.place(&format!("reset-{n}"), order("tea", 1)).await.expect_order();
        }
        assert_eq!(app.database.orders().await, 200);
        assert_acknowledged_is_stored(app).await;
    }
}

/// One lane, with a transaction timeout shorter than the lock wait of 1 s.
fn short_transactions() -> Bounds {
    let mut bounds = Bounds::one_lane();
    bounds.executor.transaction_timeout = Duration::from_millis(150);
    bounds
}

on_both! {
    async fn a_lock_held_past_the_transaction_timeout_poisons_no_connection(
        app: &App with short_transactions()
    ) {
        let hold = app.database.hold("held").await;
        let waiting = app.client.spawn_place("held", order("tea", 1));
        if app.database.backend == Backend::Postgres {
            assert_is_cancelled(app).await;
        }
        // Several times the transaction timeout.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!waiting.is_finished());
        hold.roll_back().await;
        waiting.await.unwrap().expect(201);
        assert_acknowledged_is_stored(app).await;
    }
}

/// A lane that cancels a transaction and discards the connection waits on another session.
async fn assert_is_cancelled(app: &App) {
    let blocked = "SELECT COALESCE(max(pid), 0)::bigint FROM pg_stat_activity \
                   WHERE datname = current_database() AND application_name = 'orders' \
                   AND wait_event_type = 'Lock'";
    let first = app.database.until(blocked, |pid| pid > 0).await;
    let other = |pid| pid > 0 && pid != first;
    app.database.until(blocked, other).await;
}
