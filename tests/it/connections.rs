//! Limits of client connections: their number and their idle time.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::harness::{App, Bounds, on_sqlite};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.client.address).await.unwrap()
}

/// Sends `GET /health` and returns whether the response is 200.
async fn ask(connection: &mut TcpStream) -> bool {
    connection.write_all(HEALTH).await.is_ok() && is_answered(connection).await
}

async fn is_answered(connection: &mut TcpStream) -> bool {
    let mut answer = [0; 1024];
    let read = connection.read(&mut answer).await;
    read.is_ok_and(|length| answer[..length].starts_with(b"HTTP/1.1 200 OK"))
}

on_sqlite! {
    async fn an_idle_connection_is_closed_and_an_active_one_is_not(
        app: &App with Bounds::with(|b| b.http.idle_timeout = Duration::from_millis(400))
    ) {
        let (mut idle, mut active) = (connect(app).await, connect(app).await);
        // Twice the idle timeout.
        for _ in 0..8 {
            assert!(ask(&mut active).await);
            sleep(Duration::from_millis(100)).await;
        }
        let end = timeout(Duration::from_secs(20), idle.read(&mut [0; 16])).await;
        assert_eq!(end.unwrap().unwrap(), 0, "the connection is not closed");
    }
}

on_sqlite! {
    async fn a_connection_over_the_limit_waits_until_another_is_closed(
        app: &App with Bounds::with(|b| b.http.connections_max = 1)
    ) {
        let (mut first, mut second) = (connect(app).await, connect(app).await);
        assert!(ask(&mut first).await);
        let waiting = timeout(Duration::from_millis(300), ask(&mut second)).await;
        assert!(waiting.is_err(), "the second connection is served over the limit");
        drop(first);
        let answered = timeout(Duration::from_secs(20), is_answered(&mut second)).await;
        assert!(answered.unwrap());
        drop(second);
    }
}
