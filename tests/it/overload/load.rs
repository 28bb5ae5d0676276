//! Many clients, each on a connection of its own, and what each was told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::harness::order;

/// Longer than any bound of the server: who waits longer waits for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// How one request ended.
#[derive(Debug)]
pub(super) enum End {
    Answer(u16, String),
    /// The connection was closed before any byte of an answer.
    Closed,
    /// The connection was closed within an answer.
    Cut(String),
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) key: String,
    pub(super) sent: Instant,
    pub(super) ended: Instant,
    pub(super) end: End,
}

/// Clients at work: each places one order after the other, and again after what Retry-After says.
pub(super) struct Load {
    clients: JoinSet<Vec<Seen>>,
    stop: Arc<AtomicBool>,
}

/// Everything that all clients saw.
pub(super) struct Told(pub(super) Vec<Seen>);

impl Load {
    pub(super) fn start(address: SocketAddr, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for n in 0..count {
            clients.spawn(client(address, n, stop.clone()));
        }
        Self { clients, stop }
    }

    /// Lets every client end its request.
    pub(super) async fn stop(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        self.ended().await
    }

    /// Waits until every client has found nobody listening any more.
    pub(super) async fn ended(self) -> Told {
        Told(
            self.clients
                .join_all()
                .await
                .into_iter()
                .flatten()
                .collect(),
        )
    }
}

impl Told {
    pub(super) fn answers(&self, status: u16) -> impl Iterator<Item = &Seen> {
        let is = move |seen: &&Seen| matches!(&seen.end, End::Answer(s, _) if *s == status);
        self.0.iter().filter(is)
    }

    /// New orders a second, from one moment to another.
    pub(super) fn rate(&self, from: Instant, to: Instant) -> f64 {
        let within = |seen: &&Seen| (from..to).contains(&seen.ended);
        let count = self.answers(201).filter(within).count();
        f64::from(u32::try_from(count).unwrap()) / (to - from).as_secs_f64()
    }

    /// The orders of which anybody was told, by key. A key has one.
    pub(super) fn acknowledged(&self) -> HashMap<String, Uuid> {
        let mut orders = HashMap::new();
        for seen in self.answers(201).chain(self.answers(200)) {
            let End::Answer(_, text) = &seen.end else {
                continue;
            };
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let id: Uuid = body["id"].as_str().unwrap().parse().unwrap();
            let before = orders.insert(seen.key.clone(), id);
            assert!(before.is_none_or(|before| before == id), "{}", seen.key);
        }
        orders
    }

    /// Of the requests that were on the way at a moment: those answered, and those closed.
    pub(super) fn in_flight(&self, at: Instant) -> (usize, usize) {
        let on_the_way = self
            .0
            .iter()
            .filter(|seen| seen.sent < at && seen.ended > at);
        let (closed, answered): (Vec<&Seen>, Vec<&Seen>) =
            on_the_way.partition(|seen| matches!(seen.end, End::Closed));
        (answered.len(), closed.len())
    }

    /// Every answer is whole, and it is an order or asks for another try.
    pub(super) fn assert_sound(&self) {
        for seen in &self.0 {
            match &seen.end {
                End::Answer(200 | 201, _) | End::Closed => {}
                End::Answer(503, text) => assert!(text.contains("retry-after: 1"), "{text}"),
                End::Cut(begun) => panic!("{} got no more than {begun:?}", seen.key),
                End::Answer(..) => panic!("{:?} for {}", seen.end, seen.key),
            }
        }
    }
}

async fn client(address: SocketAddr, n: usize, stop: Arc<AtomicBool>) -> Vec<Seen> {
    let (mut seen, mut connection, mut placed) = (Vec::new(), None, 0);
    while !stop.load(Ordering::Relaxed) {
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(address).await {
                Ok(stream) => stream,
                Err(_) => break,
            },
        };
        let (key, sent) = (format!("{n}-{placed}"), Instant::now());
        let end = tokio::time::timeout(PATIENCE, exchange(&mut stream, &key)).await;
        let end = end.unwrap_or_else(|_| panic!("{key} is not answered"));
        let ended = Instant::now();
        match end {
            End::Answer(503, _) => {
                let jitter = fastrand::f64() / 2.0;
                super::pause(1.0 + jitter).await;
                connection = Some(stream);
            }
            End::Answer(..) => {
                placed += 1;
                connection = Some(stream);
            }
            End::Closed | End::Cut(_) => {}
        }
        seen.push(Seen {
            key,
            sent,
            ended,
            end,
        });
    }
    seen
}

/// One request and its whole answer.
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
        if let Some(status) = whole(&bytes) {
            return End::Answer(status, String::from_utf8(bytes).unwrap());
        }
        match stream.read_buf(&mut bytes).await {
            Ok(1..) => {}
            _ if bytes.is_empty() => return End::Closed,
            _ => return End::Cut(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

/// The status of an answer that has arrived to its end.
fn whole(bytes: &[u8]) -> Option<u16> {
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
