//! A receiver of webhooks, and how it misbehaves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Seen;

/// A webhook that has arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) at: Instant,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    /// The status that it was answered with.
    pub(super) status: u16,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(super) fn event(&self) -> Seen {
        Seen::read(&self.body)
    }
}

/// How a webhook is answered: status, headers, and after how long.
pub(super) type Answer = (u16, Vec<(&'static str, &'static str)>, Duration);

pub(super) fn status(status: u16) -> Answer {
    (status, Vec::new(), Duration::ZERO)
}

type Rule = Box<dyn FnMut(&Seen) -> Answer + Send>;

/// Answers webhooks by a rule, and keeps them. Stops when dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    rule: Mutex<Rule>,
    received: Mutex<Vec<Received>>,
}

impl Receiver {
    /// Answers everything with 204.
    pub(super) async fn start() -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), |_| status(204)).await
    }

    pub(super) async fn with(rule: impl FnMut(&Seen) -> Answer + Send + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), rule).await
    }

    pub(super) async fn start_on(
        address: SocketAddr,
        rule: impl FnMut(&Seen) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            rule: Mutex::new(Box::new(rule)),
            received: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| take(request, Arc::clone(&state)));
                tokio::spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            state,
            accepting,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hooks?token=s3cret", self.address)
    }

    /// Stops, and waits until nothing listens.
    pub(super) async fn stop(self) {
        let address = self.address;
        drop(self);
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Answers by another rule from now on.
    pub(super) fn answer(&self, rule: impl FnMut(&Seen) -> Answer + Send + 'static) {
        *self.state.rule.lock().unwrap() = Box::new(rule);
    }

    /// Everything that has arrived.
    pub(super) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// The events that were answered with 2xx.
    pub(super) fn accepted(&self) -> Vec<Seen> {
        let received = self.received();
        let accepted = received
            .iter()
            .filter(|one| (200..300).contains(&one.status));
        accepted.map(Received::event).collect()
    }

    /// Waits until so many webhooks have arrived.
    pub(super) async fn until(&self, count: usize) -> Vec<Received> {
        for _ in 0..2_400 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!(
            "{} of {count} webhooks within a minute",
            self.received().len()
        );
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn take(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let at = Instant::now();
    let (head, body) = request.into_parts();
    assert_eq!(head.method, "POST");
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let (status, headers, delay) = (state.rule.lock().unwrap())(&Seen::read(&body));
    state.received.lock().unwrap().push(Received {
        at,
        path: head.uri.to_string(),
        headers: head.headers,
        body,
        status,
    });
    tokio::time::sleep(delay).await;
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::default()).unwrap())
}
