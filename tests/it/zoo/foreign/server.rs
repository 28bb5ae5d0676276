//! The service that all shapes share.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::shapes::Shape;

/// A running service. It listens until it is dropped.
pub(super) struct ForeignServer {
    port: u16,
    listener: tokio::task::JoinHandle<()>,
}

/// What it remembers.
#[derive(Default)]
struct Store {
    things: Mutex<Vec<Value>>,
    /// Payload and answer by key. Without an answer, the first request is in flight.
    keys: Mutex<HashMap<String, (String, Option<String>)>>,
}

type Reply = Response<Full<Bytes>>;

impl ForeignServer {
    pub(super) fn open(shape: Shape) -> Self {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let port = socket.local_addr().unwrap().port();
        let listener = TcpListener::from_std(socket).unwrap();
        let listener = tokio::spawn(async move {
            let store = Arc::new(Store::default());
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = stream.set_nodelay(true);
                let store = Arc::clone(&store);
                let service = service_fn(move |request| {
                    let store = Arc::clone(&store);
                    async move { Ok::<_, Infallible>(respond(request, store, shape).await) }
                });
                tokio::spawn(async move {
                    // Clients may end a connection in any way.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { port, listener }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for ForeignServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn reply(status: u16, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status.try_into().unwrap();
    reply
}

fn refusal(status: u16) -> Reply {
    reply(status, r#"{"status":"refused"}"#.to_owned())
}

async fn respond(request: Request<Incoming>, store: Arc<Store>, shape: Shape) -> Reply {
    let path = request.uri().path().to_owned();
    match shape.list {
        Some((list, write)) if request.method() == "GET" && path == list => {
            return reply(200, write(&store.things.lock().unwrap()).to_string());
        }
        _ if request.method() == shape.method && path == shape.path => {}
        _ => return refusal(404),
    }
    let key = request.headers().get(shape.key_header);
    let key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).trim().to_owned());
    let body = request.into_body().collect().await;
    let Some((marker, number)) = body.ok().and_then(|body| (shape.parse)(&body.to_bytes())) else {
        return refusal(shape.invalid);
    };
    match (key.filter(|key| !key.is_empty()), shape.missing) {
        (Some(key), _) if key.len() > shape.longest_key => refusal(400),
        (Some(key), _) => {
            // The work goes on if the client is gone.
            let work = tokio::spawn(place(store, shape, key, marker, number));
            work.await.unwrap()
        }
        (None, Some(status)) => refusal(status),
        (None, None) => {
            let id = insert(&store, &marker);
            reply(shape.fresh, (shape.answer)(id, &marker, &number))
        }
    }
}

fn insert(store: &Store, marker: &str) -> u64 {
    let mut things = store.things.lock().unwrap();
    let id = 1 + things.len() as u64;
    things.push(json!({"id": id, "marker": marker}));
    id
}

async fn place(
    store: Arc<Store>,
    shape: Shape,
    key: String,
    marker: String,
    number: String,
) -> Reply {
    let payload = format!("{marker} {number}");
    loop {
        let known = {
            let mut keys = store.keys.lock().unwrap();
            let known = keys.get(&key).cloned();
            if known.is_none() && shape.atomic {
                keys.insert(key.clone(), (payload.clone(), None));
            }
            known
        };
        let Some((first, answer)) = known else { break };
        if let Some(status) = shape.mismatch.filter(|_| first != payload) {
            return refusal(status);
        }
        match (answer, shape.in_flight) {
            (Some(_), _) if shape.replay >= 300 => return refusal(shape.replay),
            (Some(answer), _) => {
                let mut replay = reply(shape.replay, (shape.replay_answer)(&answer));
                if let Some((name, value)) = shape.mark {
                    replay.headers_mut().insert(name, value.parse().unwrap());
                }
                return replay;
            }
            (None, Some(status)) => return refusal(status),
            (None, None) => tokio::time::sleep(Duration::from_micros(300)).await,
        }
    }
    tokio::time::sleep(Duration::from_millis(2)).await;
    let id = insert(&store, &marker);
    let answer = (shape.answer)(id, &marker, &number);
    let mut keys = store.keys.lock().unwrap();
    keys.insert(key, (payload, Some(answer.clone())));
    reply(shape.fresh, answer)
}
