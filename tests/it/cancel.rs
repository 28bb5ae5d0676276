//! What is cancelled poisons nothing.
//!
//! sqlx 0.9 puts a connection whose `begin` was cancelled back into its pool inside an open
//! transaction (sqlx issue 4385): the next write is acknowledged, seen by nobody, and lost. Here a
//! transaction belongs to a lane and not to a request, and a connection that a lane gives up is
//! never used again.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{App, Backend, Bounds, on_both, order};

/// Acknowledged orders are there for everybody, at once.
async fn assert_acknowledged_is_stored(app: &App, name: &str) {
    for n in 0..10 {
        let before = app.database.orders().await;
        let reply = app
            .client
            .persist(&format!("{name}-{n}"), &order("tea", 1))
            .await;
        reply.expect(201);
        assert_eq!(app.database.orders().await, before + 1);
    }
}

on_both! {
    async fn requests_that_are_reset_in_flight_poison_no_connection(app: &App) {
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
                tokio::time::sleep(Duration::from_micros(n * 20)).await;
                // A reset, not an orderly end: the handler is dropped where it stands.
                connection.set_zero_linger().unwrap();
            });
        }
        requests.join_all().await;
        for n in 0..200 {
            let retry = app.client.place(&format!("reset-{n}"), order("tea", 1)).await;
            assert!(matches!(retry.status, 200 | 201), "{}", retry.text());
        }
        assert_eq!(app.database.orders().await, 200);
        assert_acknowledged_is_stored(app, "after").await;
    }
}

/// The lane gives a transaction up in the middle of a statement, several times.
async fn a_transaction_that_is_given_up_poisons_nothing(backend: Backend) {
    let mut bounds = Bounds::default();
    bounds.executor.transaction_timeout = Duration::from_millis(150);
    let app = App::start(backend, bounds).await;
    let hold = app.database.hold("held").await;
    let given_up = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!given_up.is_finished());
    hold.roll_back().await;
    given_up.await.unwrap().expect(201);
    assert_acknowledged_is_stored(&app, "after").await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_up_sqlite() {
    a_transaction_that_is_given_up_poisons_nothing(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_up_postgres() {
    a_transaction_that_is_given_up_poisons_nothing(Backend::Postgres).await;
}
