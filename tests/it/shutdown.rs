//! Being told to stop: what is in flight is answered, then the process ends with 0.

use std::time::Duration;

use crate::harness::{Backend, Process, TestDatabase, order};

/// Waits until the server takes no new connections.
async fn refused(server: &Process) {
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(server.client.address)
            .await
            .is_err()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it still takes connections");
}

async fn what_is_in_flight_is_answered(backend: Backend, signal: &str) {
    let database = TestDatabase::create(backend).await;
    database.connect().await.schema().up().await.unwrap();
    let server = Process::serve(&database);
    let hold = database.hold("held").await;
    let in_flight = tokio::spawn(server.client.clone().place_owned("held", order("tea", 1)));
    // An idle connection must not hold the end up.
    let _idle = tokio::net::TcpStream::connect(server.client.address)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;

    server.signal(signal);
    refused(&server).await;
    assert!(!in_flight.is_finished());
    hold.roll_back().await;
    in_flight.await.unwrap().expect(201);
    assert_eq!(
        tokio::task::spawn_blocking(|| server.wait()).await.unwrap(),
        Some(0)
    );
    assert_eq!(database.orders().await, 1);
    database.assert_promise().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_sqlite() {
    what_is_in_flight_is_answered(Backend::Sqlite, "TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_postgres() {
    what_is_in_flight_is_answered(Backend::Postgres, "TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_postgres() {
    what_is_in_flight_is_answered(Backend::Postgres, "INT").await;
}
