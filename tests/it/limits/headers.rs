//! The number, the size and the time of the headers of a request.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Process, Raw, on_sqlite, order};

/// A request for an order with this many more headers, each with a value of this length.
async fn send(server: &Process, count: usize, length: usize) -> Raw {
    let value = "x".repeat(length);
    let more = (0..count).map(|n| format!("X-{n}: {value}\r\n"));
    let more = more.collect::<Vec<_>>().concat();
    let body = order("tea", 2);
    let mut connection = Raw::connect(server.client.address).await;
    let lines = format!(
        "Idempotency-Key: key\r\nContent-Length: {}\r\n{more}",
        body.len()
    );
    connection.post(&lines).await.send(&body).await;
    connection
}

on_sqlite! {
    async fn more_headers_than_the_limit_are_refused(database: &TestDatabase) {
        // Host, Content-Type, Idempotency-Key, Content-Length and X-Request-Id of the server.
        let server = Process::serve_with(database, &["--headers-max", "10"]);
        let reply = send(&server, 6, 1).await.reply().await;
        reply.expect_error(431, "the request has more than 10 headers");
        assert_eq!(database.orders().await, 0);
        send(&server, 5, 1).await.reply().await.expect(201);
        server.stop();
        // The default.
        let server = Process::serve(database);
        let reply = send(&server, 64, 1).await.reply().await;
        reply.expect_error(431, "the request has more than 64 headers");
        send(&server, 50, 1).await.reply().await.expect(200);
        server.stop();
    }
}

on_sqlite! {
    async fn larger_headers_than_the_limit_are_refused(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--header-bytes-max", "1000"]);
        let reply = send(&server, 2, 500).await.reply().await;
        reply.expect_error(431, "the headers are larger than 1000 bytes");
        assert_eq!(database.orders().await, 0);
        send(&server, 2, 300).await.reply().await.expect(201);
        server.stop();
        let server = Process::serve(database);
        let reply = send(&server, 3, 6_000).await.reply().await;
        reply.expect_error(431, "the headers are larger than 16384 bytes");
        server.stop();
    }
}

on_sqlite! {
    async fn a_far_larger_head_is_not_read_to_its_end(database: &TestDatabase) {
        let server = Process::serve(database);
        let mut stream = TcpStream::connect(server.client.address).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nX-Big: ").await.unwrap();
        let mut sent = 0;
        let piece = [b'x'; 4096];
        // The buffers of both sides hold some megabytes of what nobody reads.
        while sent < 100_000_000 && stream.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
        assert!(sent < 20_000_000, "{sent} bytes of one header were read");
        server.client.get("/health").await.expect(200);
        server.stop();
    }
}

/// Sends a byte of a header every 50 ms, until the connection is closed.
async fn trickle(server: &Process) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(server.client.address).await.unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nX-Slow: ")
        .await
        .unwrap();
    while started.elapsed() < Duration::from_secs(10) && stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

on_sqlite! {
    async fn a_head_that_trickles_is_cut_and_an_idle_connection_is_kept(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--header-timeout", "500ms"]);
        let mut idle = Raw::connect(server.client.address).await;
        let mut used = Raw::connect(server.client.address).await;
        let health = "GET /health HTTP/1.1\r\nHost: test\r\n\r\n";
        used.send(health).await.reply().await.expect(200);

        let open = trickle(&server).await;
        assert!(open >= Duration::from_millis(500), "{open:?}");
        assert!(open < Duration::from_secs(5), "the connection was open for {open:?}");

        // Neither has begun a request, for longer than the limit.
        for connection in [&mut idle, &mut used] {
            connection.send(health).await.reply().await.expect(200);
        }
        // A body has its own limit, also one that was asked for.
        let body = order("tea", 2);
        let lines = format!(
            "Idempotency-Key: key\r\nExpect: 100-continue\r\nContent-Length: {}\r\n",
            body.len()
        );
        idle.post(&lines).await;
        assert_eq!(idle.reply().await.status, 100);
        let (first, rest) = body.split_at(5);
        idle.send(first).await;
        tokio::time::sleep(Duration::from_millis(800)).await;
        idle.send(rest).await.reply().await.expect(201);
        server.stop();
    }
}

on_sqlite! {
    async fn a_large_body_after_a_refusal_does_not_lose_the_refusal(database: &TestDatabase) {
        let server = Process::serve(database);
        for _ in 0..10 {
            let mut connection = Raw::connect(server.client.address).await;
            connection.post("Idempotency-Key: key\r\nContent-Length: 200000\r\n").await;
            connection.send("x".repeat(100_000)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            connection.send("x".repeat(100_000)).await;
            let reply = connection.reply().await;
            reply.expect_error(413, "the body is larger than 65536 bytes");
        }
        server.stop();
    }
}
