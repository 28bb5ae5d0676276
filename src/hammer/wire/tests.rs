//! Why the connections of attempts are not hyper's.
//!
//! hyper could send behind a gate: a stream below it can hold bytes back. But what it sends are not
//! the bytes of the request, and what it returns are not the bytes of the answer; the proxy, which
//! cuts both at any byte and repeats a request byte for byte, needs them. So the parser of `answer`
//! is needed anyway, and with hyper there would be two. These tests show what would be lost.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpListener;

use super::{Connection, Request, Target, WireError};
use crate::hammer::contract::Contract;

const LIMIT: Duration = Duration::from_secs(5);

/// A body of one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Sends an order with hyper; returns the result and the server's side of the connection.
fn send_with_hyper() -> (
    impl Future<Output = Result<hyper::Response<hyper::body::Incoming>, hyper::Error>>,
    DuplexStream,
) {
    let (client, server) = duplex(1 << 16);
    let sent = async move {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(client)).await?;
        tokio::spawn(connection);
        let request = hyper::Request::post("/orders")
            .header("Host", "h")
            .header("X-Idempotency-KEY", "one")
            .header("Accept", "application/json")
            .header("X-Idempotency-KEY", "two")
            .body(Whole(Some(Bytes::from_static(b"{}"))))
            .expect("the parts are valid");
        sender.send_request(request).await
    };
    (sent, server)
}

/// What `Connection` says of an answer that ends early.
async fn cut(answer: &'static [u8]) -> Result<(), WireError> {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::loopback(server.local_addr().unwrap());
    let mut connection = Connection::open(&target, LIMIT).await.unwrap();
    let (mut stream, _) = server.accept().await.unwrap();
    stream.write_all(answer).await.unwrap();
    drop(stream);
    connection.receive(LIMIT).await.map(drop)
}

#[tokio::test]
async fn hyper_spells_and_orders_the_headers_of_a_request_itself() {
    let (sent, mut server) = send_with_hyper();
    let sent = tokio::spawn(sent);
    let mut head = vec![0; 1 << 10];
    let count = server.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    assert!(head.contains("x-idempotency-key: one"), "{head}");
    assert!(!head.contains("X-Idempotency-KEY"), "{head}");
    sent.abort();

    let mut shape = Contract::of_orders().request.clone();
    shape.key_header = "X-Idempotency-KEY".to_owned();
    let target = Target::loopback("127.0.0.1:1".parse().unwrap());
    let keys = [b"one".to_vec(), b"two".to_vec()];
    let ours = Request::of_contract(&shape, &target, &[], &keys, "{}");
    let ours = String::from_utf8(ours.bytes).unwrap();
    assert!(ours.contains("X-Idempotency-KEY: one\r\nX-Idempotency-KEY: two\r\n"));
}

#[tokio::test]
async fn hyper_does_not_say_where_an_answer_was_cut() {
    let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
    for end in [0, 1, 20, 30] {
        let (sent, mut server) = send_with_hyper();
        let sent = tokio::spawn(sent);
        let mut request = [0; 1 << 10];
        assert_ne!(server.read(&mut request).await.unwrap(), 0);
        server.write_all(&answer[..end]).await.unwrap();
        drop(server);
        let error = sent.await.unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "connection closed before message completed",
            "{end}"
        );
        let ours = cut(&answer[..end]).await;
        assert!(
            matches!(ours, Err(WireError::Closed(count)) if count == end),
            "{end}: {ours:?}"
        );
    }
}

#[tokio::test]
async fn the_bytes_of_an_answer_are_returned_as_they_came() {
    let odd: &[u8] =
        b"HTTP/1.1 201 Made It\r\nserver:  x \r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok";
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = Target::loopback(server.local_addr().unwrap());
    let mut connection = Connection::open(&target, LIMIT).await.unwrap();
    let (mut stream, _) = server.accept().await.unwrap();
    stream.write_all(odd).await.unwrap();
    stream.write_all(b"HTTP/1.1 unasked").await.unwrap();
    let (status, bytes) = connection.receive_bytes(LIMIT).await.unwrap();
    assert_eq!((status, bytes.as_slice()), (201, odd));
    // The pool does not use a connection on which more came.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!connection.is_quiet());
}
