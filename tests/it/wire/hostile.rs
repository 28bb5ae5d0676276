//! Malformed and hostile HTTP: the server soon refuses it or closes the connection, stores nothing
//! but complete orders, and keeps serving other clients.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{App, on_both, order};

/// Longer than any timeout of an instance under test.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long to wait for another response after the first.
const SILENCE: Duration = Duration::from_millis(400);

/// Sends bytes and returns the statuses of all responses, until the server closes the connection or
/// is silent.
async fn statuses(app: &App, bytes: impl AsRef<[u8]>) -> Vec<u16> {
    let stream = TcpStream::connect(app.client.address).await.unwrap();
    let (mut receive, mut send) = stream.into_split();
    let mut answer = Vec::new();
    let reading = async {
        loop {
            let wait = if answer.is_empty() { PATIENCE } else { SILENCE };
            match timeout(wait, receive.read_buf(&mut answer)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => {}
                Err(_elapsed) => {
                    assert!(
                        !answer.is_empty(),
                        "no response, and the connection is open"
                    );
                    break;
                }
            }
        }
    };
    // A server that has already refused the request may have stopped reading.
    let writing = timeout(PATIENCE, send.write_all(bytes.as_ref()));
    let (_, ()) = tokio::join!(writing, reading);
    let text = String::from_utf8_lossy(&answer);
    let heads = text.split("HTTP/1.1 ").skip(1);
    heads.map(|head| head[..3].parse().unwrap()).collect()
}

const POST: &str = "POST /orders HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";

/// A complete request: an order of coffee.
fn coffee(key: &str) -> String {
    let body = order("coffee", 9);
    let length = body.len();
    format!("{POST}Idempotency-Key: {key}\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// Sends what a proxy might take for one request, although it contains a second one. `lines` and
/// `body` are the first, `{}` in the body is the second.
async fn smuggle(app: &App, number: usize, lines: &str, body: &str) -> Vec<u16> {
    let (key, inside) = (format!("front-{number}"), format!("inside-{number}"));
    let body = body.replace("{}", &coffee(&inside));
    let bytes = format!("{POST}Idempotency-Key: {key}\r\n{lines}\r\n\r\n{body}");
    let statuses = statuses(app, bytes).await;
    let placed = app.client.place(&inside, order("tea", 1)).await;
    assert_eq!(
        placed.status, 201,
        "the smuggled order was placed: {lines:?}"
    );
    statuses
}

on_both! {
    async fn ambiguous_framing_smuggles_no_request(app: &App) {
        let chunks = "0\r\n\r\n{}";
        let cases = [
            ("Content-Length: 4\r\nTransfer-Encoding: chunked", chunks),
            ("Transfer-Encoding: chunked\r\nContent-Length: 4", chunks),
            ("Content-Length: 0\r\nContent-Length: 400", "{}"),
            ("Content-Length: 0, 400", "{}"),
            ("Content-Length: +0", "{}"),
            ("Content-Length: -1", "{}"),
            ("Content-Length: 0x0", "{}"),
            ("Content-Length: 99999999999999999999999", "{}"),
            ("Content-Length : 0", "{}"),
            (" Content-Length: 0", "{}"),
            ("Transfer-Encoding: chunked, identity", chunks),
            ("Transfer-Encoding: xchunked", chunks),
            ("Transfer-Encoding : chunked", chunks),
            ("Transfer-Encoding:\x0bchunked", chunks),
            ("Transfer-Encoding: chunked\r\n folded", chunks),
            ("Transfer-Encoding: chunked", "-0\r\n\r\n{}"),
            ("Transfer-Encoding: chunked", "fffffffffffffffff\r\n\r\n{}"),
            ("Transfer-Encoding: chunked", "0x0\r\n\r\n{}"),
            ("Transfer-Encoding: chunked", "1\r\n12\r\n0\r\n\r\n{}"),
            ("Transfer-Encoding: chunked", "\r\n0\r\n\r\n{}"),
            ("Transfer-Encoding: chunked", "4;a=\"\n\r\n{}"),
        ];
        for (number, (lines, body)) in cases.into_iter().enumerate() {
            let statuses = smuggle(app, number, lines, body).await;
            let refused = statuses.iter().all(|status| (400..500).contains(status));
            assert!(refused && statuses.len() <= 1, "{lines:?}, {body:?}: {statuses:?}");
        }
        assert_eq!(app.database.orders().await, i64::try_from(cases.len()).unwrap());
    }
}

on_both! {
    async fn pipelined_requests_are_answered_in_order(app: &App) {
        let count = 50;
        let pieces: String = (0..count).map(|n| coffee(&format!("key-{}", n / 2))).collect();
        let expected: Vec<u16> = (0..count).map(|n| if n % 2 == 0 { 201 } else { 200 }).collect();
        assert_eq!(statuses(app, pieces).await, expected);
    }
}

on_both! {
    async fn a_flood_of_headers_is_refused(app: &App) {
        let many = |count: usize| "X-Flood: 1\r\n".repeat(count);
        let keys = "Idempotency-Key: key\r\n".repeat(50);
        let long = |bytes: usize| format!("X-Long: {}\r\n", "a".repeat(bytes));
        let body = order("tea", 1);
        let end = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        // 400: the request was parsed, and has no single key.
        for (lines, expected) in [
            (many(50), vec![400]),
            (many(90), vec![431]),
            (many(200), vec![431]),
            (many(200_000), vec![431]),
            (keys, vec![400]),
            (long(10_000), vec![400]),
            (long(100_000), vec![431]),
            (long(1_000_000), vec![431]),
            (format!("{}: 1\r\n", "N".repeat(70_000)), vec![431]),
        ] {
            let sent = format!("{POST}{lines}{end}");
            let what = &lines[..lines.len().min(30)];
            assert_eq!(statuses(app, sent).await, expected, "{} bytes: {what:?}", lines.len());
        }
        let path = format!("GET /{} HTTP/1.1\r\nHost: test\r\n\r\n", "a".repeat(70_000));
        assert_eq!(statuses(app, path).await, [414]);
        assert_eq!(app.database.orders().await, 0);
    }
}

on_both! {
    async fn what_is_not_http_1_is_refused(app: &App) {
        let requests: [&[u8]; 14] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET /health\r\n\r\n",
            b"GET /health HTTP/3.0\r\n\r\n",
            b"GET  /health HTTP/1.1\r\n\r\n",
            b"\0\0\0\0\r\n\r\n",
            b"GET /\x00 HTTP/1.1\r\nHost: test\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: te\x00st\r\n\r\n",
            b"GET /health HTTP/1.1\r\nX-Request-Id: a\x01b\r\n\r\n",
            b"GET /health HTTP/1.1\r\nNo colon\r\n\r\n",
            b"GET /health HTTP/1.1\r\n: no name\r\n\r\n",
            b"GET /health HTTP/1.1\r\nB\xe4d: name\r\n\r\n",
            b"G\xc3\x84T /health HTTP/1.1\r\n\r\n",
            b"\r\n\r\n\r\n \r\n\r\n",
        ];
        for request in requests {
            let statuses = statuses(app, request).await;
            let refused = statuses.iter().all(|status| (400..500).contains(status));
            let text = String::from_utf8_lossy(request);
            assert!(refused && statuses.len() <= 1, "{text:?}: {statuses:?}");
            app.client.get("/health").await.expect(200);
        }
    }
}

on_both! {
    async fn unusual_but_valid_http_is_answered(app: &App) {
        let health = |lines: &[u8]| {
            [b"GET /health HTTP/1.1\r\nHost: test\r\n", lines, b"\r\n\r\n"].concat()
        };
        let requests: [(Vec<u8>, u16); 12] = [
            (health(b"X-Request-Id: \xff\xfe"), 200),
            (health(b"Accept: \xff, \xc3\x28, */*;q=\xff"), 200),
            (health(b"Accept: application/problem+json;q=1e9;;;,,,"), 200),
            (health(b"Content-Type: \xff"), 200),
            (health(b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings"), 200),
            (health(b"Range: bytes=0-0,-1,5-"), 200),
            (b"GET /%ff%00%2e%2e/%c0%af HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 404),
            (b"GET /orders/%00 HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 404),
            (b"GET /orders?limit=%ff&after=%zz HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 400),
            (b"GET http://elsewhere/health HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 200),
            (b"OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 404),
            (b"BREW /orders HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(), 405),
        ];
        for (request, expected) in requests {
            let text = String::from_utf8_lossy(&request).into_owned();
            assert_eq!(statuses(app, request).await, [expected], "{text:?}");
        }
    }
}

/// An order with a member that is crafted to be slow to parse.
fn slow(member: &str) -> String {
    format!(r#"{{"item":"tea","quantity":2,"x":{member}}}"#)
}

on_both! {
    async fn a_body_crafted_to_be_slow_is_parsed_quickly(app: &App) {
        let most = 65_000;
        let members: Vec<String> = (0..most / 9).rev().map(|n| format!("\"{n:04x}\":1")).collect();
        let nested = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],";
        let bodies = [
            slow(&"9".repeat(most)),
            slow(&format!("0.{}1", "0".repeat(most))),
            slow(&format!("1{}e-{most}", "0".repeat(most - 10))),
            slow(&format!("1e{}1", "0".repeat(most))),
            slow(&format!("-{}e9223372036854775807", "1".repeat(20))),
            slow(&format!("\"{}\"", "\\u0000".repeat(most / 6))),
            slow(&format!("\"{}\"", "\\ud83c\\udf75".repeat(most / 12))),
            slow(&format!("{{{}}}", members.join(","))),
            slow(&format!("[{}1]", nested.repeat(most / nested.len()))),
            slow(&format!("[{}1]", "0,".repeat(most / 2))),
            format!("{}{}", " ".repeat(most), order("tea", 2)),
        ];
        for (number, body) in bodies.iter().enumerate() {
            let key = format!("key-{number}");
            let started = std::time::Instant::now();
            app.client.place(&key, body).await.expect(201);
            app.client.place(&key, body).await.expect(200);
            // Milliseconds each; a quadratic parser takes minutes.
            assert!(started.elapsed() < PATIENCE, "{number}: {:?}", started.elapsed());
        }
    }
}

on_both! {
    async fn any_valid_chunked_encoding_is_accepted(app: &App) {
        let body = order("tea", 1);
        let length = body.len();
        let key = "Idempotency-Key: key\r\nTransfer-Encoding: chunked\r\n\r\n";
        let (first, rest) = body.split_at(1);
        for (chunks, expected) in [
            (format!("{length:X}\r\n{body}\r\n0\r\n\r\n"), 201),
            (format!("{length:08x};name=value;x=\"y\"\r\n{body}\r\n0\r\n\r\n"), 200),
            (format!("1\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\nX-Trailer: 1\r\n\r\n", length - 1), 200),
            (format!("{length:x}\r\n{body}\r\n0\r\nIdempotency-Key: other\r\n\r\n"), 200),
            // A flood of trailers, and one of extensions.
            (format!("{length:x}\r\n{body}\r\n0\r\n{}\r\n", "X-T: 1\r\n".repeat(5_000)), 400),
            (format!("{length:x};{}\r\n{body}\r\n0\r\n\r\n", "x".repeat(100_000)), 400),
        ] {
            let sent = format!("{POST}{key}{chunks}");
            assert_eq!(statuses(app, sent).await, [expected], "{:?}", &chunks[..20]);
        }
        assert_eq!(app.database.orders().await, 1);
    }
}
