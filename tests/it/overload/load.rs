//! Many clients, each on a connection of its own, and the outcomes of their requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::harness::{TestDatabase, order};

/// Longer than every timeout of the server.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How a request ended.
#[derive(Debug)]
pub(super) enum End {
    Answer(u16, String),
    /// The connection was closed before the first byte of a response.
    Closed,
    /// The connection was closed within a response.
    Cut(String),
}

/// The outcome of one request.
#[derive(Debug)]
pub(super) struct Outcome {
    key: String,
    pub(super) sent: Instant,
    ended: Instant,
    pub(super) end: End,
}

/// The outcomes of all requests.
pub(super) struct Outcomes(pub(super) Vec<Outcome>);

/// Running clients. Each places one order after the other, and retries a 503 after `Retry-After`.
pub(super) struct Load {
    clients: JoinSet<Vec<Outcome>>,
    /// The number of orders of all clients.
    placed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Load {
    pub(super) fn start(address: SocketAddr, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let placed = Arc::new(AtomicUsize::new(0));
        let mut clients = JoinSet::new();
        for n in 0..count {
            clients.spawn(client(address, n, placed.clone(), stop.clone()));
        }
        Self {
            clients,
            placed,
            stop,
        }
    }

    /// Waits until this many more orders are placed.
    pub(super) async fn progress(&self, orders: usize) {
        let deadline = Instant::now() + TIMEOUT;
        let goal = self.placed.load(Ordering::Relaxed) + orders;
        while self.placed.load(Ordering::Relaxed) < goal {
            assert!(
                Instant::now() < deadline,
                "not {orders} orders in {TIMEOUT:?}"
            );
            super::pause(0.01).await;
        }
    }

    /// Lets every client finish its request.
    pub(super) async fn stop(self) -> Outcomes {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
    }

    /// Waits until the server refuses the connections of all clients.
    pub(super) async fn ended(self) -> Outcomes {
        let outcomes = self.clients.join_all().await;
        Outcomes(outcomes.into_iter().flatten().collect())
    }
}

impl Outcome {
    pub(super) fn took(&self) -> Duration {
        self.ended - self.sent
    }
}

impl Outcomes {
    pub(super) fn answers(&self, status: u16) -> impl Iterator<Item = &Outcome> {
        let is = move |outcome: &&Outcome| matches!(outcome.end, End::Answer(s, _) if s == status);
        self.0.iter().filter(is)
    }

    /// The keys of requests whose connection was closed without a response.
    pub(super) fn closed(&self) -> impl Iterator<Item = &str> {
        let closed = |outcome: &&Outcome| matches!(outcome.end, End::Closed);
        self.0.iter().filter(closed).map(|outcome| &*outcome.key)
    }

    /// How many requests were in flight at a moment.
    pub(super) fn in_flight(&self, at: Instant) -> usize {
        let in_flight = |outcome: &&Outcome| outcome.sent < at && outcome.ended > at;
        self.0.iter().filter(in_flight).count()
    }

    /// The longest time from a request to its end.
    pub(super) fn longest(&self) -> Duration {
        self.0.iter().map(Outcome::took).max().unwrap_or_default()
    }

    /// Every response is complete, and is an order or a 503. Every acknowledged order is stored
    /// under its key, byte for byte.
    pub(super) async fn assert_sound(&self, database: &TestDatabase) {
        let stored = database.responses().await;
        for Outcome { key, end, .. } in &self.0 {
            match end {
                End::Answer(200 | 201, text) => {
                    let (_, body) = text.split_once("\r\n\r\n").unwrap();
                    let stored = stored.get(key).map(|stored| &stored[..]);
                    assert_eq!(stored, Some(body.as_bytes()), "{key} was acknowledged");
                }
                End::Answer(503, text) => assert!(text.contains("retry-after: 1"), "{text}"),
                End::Closed => {}
                End::Cut(part) => panic!("{key}: the response ends after {part:?}"),
                End::Answer(..) => panic!("{key}: {end:?}"),
            }
        }
    }
}

async fn client(
    address: SocketAddr,
    n: usize,
    placed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
) -> Vec<Outcome> {
    let (mut outcomes, mut connection, mut next) = (Vec::new(), None, 0);
    while !stop.load(Ordering::Relaxed) {
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(_) => break,
            },
        };
        let (key, sent) = (format!("{n}-{next}"), Instant::now());
        let end = tokio::time::timeout(TIMEOUT, exchange(&mut stream, &key)).await;
        let end = end.unwrap_or_else(|_| panic!("{key} is not answered within {TIMEOUT:?}"));
        let ended = Instant::now();
        match end {
            End::Answer(503, _) => {
                let jitter = fastrand::f64() / 2.0;
                super::pause(1.0 + jitter).await;
                connection = Some(stream);
            }
            End::Answer(..) => {
                next += 1;
                placed.fetch_add(1, Ordering::Relaxed);
                connection = Some(stream);
            }
            End::Closed | End::Cut(_) => {}
        }
        outcomes.push(Outcome {
            key,
            sent,
            ended,
            end,
        });
    }
    outcomes
}

/// Sends a request and reads the complete response.
async fn exchange(stream: &mut TcpStream, key: &str) -> End {
    let body = order(key, 1);
    let request = format!(
        "POST /orders HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    if stream.write_all(request.as_bytes()).await.is_err() {
        return End::Closed;
    }
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if let Some(status) = complete(&bytes) {
            return End::Answer(status, String::from_utf8(bytes).unwrap());
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            _ if bytes.is_empty() => return End::Closed,
            _ => return End::Cut(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// The status of a response that has arrived completely.
fn complete(bytes: &[u8]) -> Option<u16> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes).unwrap() else {
        return None;
    };
    let status = answer.code?;
    let length = answer.headers.iter().find(|h| h.name == "content-length")?;
    let length: usize = std::str::from_utf8(length.value).unwrap().parse().unwrap();
    (bytes.len() == head + length).then_some(status)
}
