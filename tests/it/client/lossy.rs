//! A proxy in front of a service that loses every third answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::harness::Client;

/// Forwards every request. Of every third, the service's answer is dropped, and the connection to
/// the client closed. Stops when dropped.
pub(crate) struct Lossy {
    address: SocketAddr,
    counts: Arc<Counts>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    answers: AtomicUsize,
    lost: AtomicUsize,
}

impl Lossy {
    pub(crate) async fn start(service: &Client) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::new(Counts::default());
        let (service, shared) = (service.clone(), Arc::clone(&counts));
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (client, counts) = (service.clone(), Arc::clone(&shared));
                let forward = service_fn(move |request| {
                    forward(request, client.clone(), Arc::clone(&counts))
                });
                tokio::spawn(async move {
                    // Clients may end a connection in any way, and so does this proxy.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), forward)
                        .await;
                });
            }
        });
        Self {
            address,
            counts,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many answers were lost.
    pub(crate) fn lost(&self) -> usize {
        self.counts.lost.load(Ordering::SeqCst)
    }
}

impl Drop for Lossy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn forward(
    request: Request<Incoming>,
    service: Client,
    counts: Arc<Counts>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| "the client has gone")?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut upstream = service.request(head.method, path).body(body.to_bytes());
    for (name, value) in &head.headers {
        if !["host", "connection", "content-length"].contains(&name.as_str()) {
            upstream = upstream.header(name, value);
        }
    }
    let answer = upstream.send().await.map_err(|_| "the service has gone")?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if !["connection", "content-length", "transfer-encoding"].contains(&name.as_str()) {
            response = response.header(name, value);
        }
    }
    let body = answer.bytes().await.map_err(|_| "the service has gone")?;
    if counts.answers.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
        counts.lost.fetch_add(1, Ordering::SeqCst);
        return Err("lost");
    }
    Ok(response.body(Full::new(body)).unwrap())
}
