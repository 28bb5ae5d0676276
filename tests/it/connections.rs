//! Connections: how many, and for how long.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{App, Backend, Bounds};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.client.address).await.unwrap()
}

/// Asks for the health and returns whether there was an answer.
async fn ask(connection: &mut TcpStream) -> bool {
    if connection.write_all(HEALTH).await.is_err() {
        return false;
    }
    let mut answer = [0; 1024];
    let read = connection.read(&mut answer).await;
    read.is_ok_and(|length| answer[..length].starts_with(b"HTTP/1.1 200 OK"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_closed_and_one_in_use_is_not() {
    let mut bounds = Bounds::default();
    bounds.http.idle_timeout = Duration::from_millis(400);
    let app = App::start(Backend::Sqlite, bounds).await;
    let (mut silent, mut used) = (connect(&app).await, connect(&app).await);
    // Longer in all than a silent one may last.
    for _ in 0..8 {
        assert!(ask(&mut used).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let closed = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0; 16])).await;
    assert_eq!(closed.unwrap().unwrap(), 0, "the end of the connection");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_beyond_the_limit_waits_until_another_is_closed() {
    let mut bounds = Bounds::default();
    bounds.http.connections_max = 1;
    let app = App::start(Backend::Sqlite, bounds).await;
    let (mut first, mut second) = (connect(&app).await, connect(&app).await);
    assert!(ask(&mut first).await);
    let waiting = tokio::time::timeout(Duration::from_millis(300), ask(&mut second)).await;
    assert!(waiting.is_err(), "it has no place yet");
    drop(first);
    let mut answer = [0; 1024];
    let length = tokio::time::timeout(Duration::from_secs(5), second.read(&mut answer)).await;
    assert!(answer[..length.unwrap().unwrap()].starts_with(b"HTTP/1.1 200 OK"));
    drop(second);
    app.finish().await;
}
