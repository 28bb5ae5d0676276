//! A service that gives prepared answers, and records what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What becomes of one request.
#[derive(Clone)]
pub(super) enum Step {
    /// It is answered.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection is closed without an answer.
    Lose,
    /// There is no answer, and the connection stays open.
    Hang,
}

impl Step {
    /// An error of the contract.
    pub(super) fn error(status: u16, code: &str) -> Self {
        let body = serde_json::json!({ "error": "the reason", "code": code });
        Self::Answer(status, Vec::new(), body.to_string())
    }

    pub(super) fn order(status: u16) -> Self {
        let body = r#"{"id":"01a2","item":"beans","quantity":2}"#;
        Self::Answer(status, Vec::new(), body.to_owned())
    }

    pub(super) fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        let Self::Answer(status, mut headers, body) = self else {
            panic!("no answer, no headers")
        };
        headers.push((name, value.into()));
        Self::Answer(status, headers, body)
    }
}

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Takes one step for each request, the last one for all further requests. Stops when dropped.
pub(super) struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    accepting: JoinHandle<()>,
}

impl Scripted {
    pub(super) async fn start(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let steps: Arc<Mutex<VecDeque<Step>>> = Arc::new(Mutex::new(steps.into_iter().collect()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (steps, asked) = (Arc::clone(&steps), Arc::clone(&recorded));
                let service = service_fn(move |request| {
                    take(request, Arc::clone(&steps), Arc::clone(&asked))
                });
                tokio::spawn(async move {
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            asked,
            accepting,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The key of every request.
    pub(super) fn keys(&self) -> Vec<String> {
        let key = |asked: &Asked| {
            asked.headers["idempotency-key"]
                .to_str()
                .unwrap()
                .to_owned()
        };
        self.asked().iter().map(key).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn take(
    request: Request<Incoming>,
    steps: Arc<Mutex<VecDeque<Step>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| "no body")?.to_bytes();
    asked.lock().unwrap().push(Asked {
        path: head.uri.path().to_owned(),
        headers: head.headers,
        body,
    });
    let step = {
        let mut steps = steps.lock().unwrap();
        let step = steps.pop_front().expect("a last step");
        if steps.is_empty() {
            steps.push_back(step.clone());
        }
        step
    };
    match step {
        Step::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(body.into())).unwrap())
        }
        Step::Lose => Err("lost"),
        Step::Hang => std::future::pending().await,
    }
}
