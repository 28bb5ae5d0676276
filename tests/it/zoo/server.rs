//! The skeleton of every species: HTTP, the common rules, and the thread it runs on.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::shop::{Call, Payload, Reply, Shop};
use super::{Lax, Species, Window};

/// A running species. Its instances listen until it is dropped.
pub(crate) struct ZooServer {
    scheme: &'static str,
    ports: Vec<u16>,
    closed: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl ZooServer {
    /// Starts the instances of a species, all on one event loop.
    pub(crate) fn open(species: Species) -> Self {
        Self::listen(species, Shop::default(), 0)
    }

    /// Starts them with TLS, under this certificate.
    pub(crate) fn open_encrypted(species: Species, acceptor: TlsAcceptor) -> Self {
        Self::start(species, Shop::default(), 0, Some(acceptor))
    }

    /// Starts them on a given port, with the orders of `shop`.
    pub(super) fn listen(species: Species, shop: Shop, port: u16) -> Self {
        Self::start(species, shop, port, None)
    }

    fn start(species: Species, shop: Shop, port: u16, acceptor: Option<TlsAcceptor>) -> Self {
        let scheme = acceptor.as_ref().map_or("http", |_| "https");
        let (closed, until_closed) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(async move {
                let shop = Arc::new(shop);
                let mut ports = Vec::new();
                for instance in 0..species.instances {
                    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
                    ports.push(listener.local_addr().unwrap().port());
                    let shop = Arc::clone(&shop);
                    tokio::spawn(listen(listener, shop, species, instance, acceptor.clone()));
                }
                tell.send(ports).unwrap();
                let _ = until_closed.await;
            });
        });
        Self {
            scheme,
            ports: told.recv().unwrap(),
            closed: Some(closed),
            thread: Some(thread),
        }
    }

    /// Serves until the process is killed.
    pub(super) fn stay(mut self) {
        // The thread waits for a signal that is never sent.
        let _open = self.closed.take();
        self.thread.take().unwrap().join().unwrap();
    }

    /// Where the instances listen.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.ports
            .iter()
            .map(|port| format!("{}://127.0.0.1:{port}", self.scheme))
            .collect()
    }
}

impl Drop for ZooServer {
    fn drop(&mut self) {
        drop(self.closed.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn listen(
    listener: TcpListener,
    shop: Arc<Shop>,
    species: Species,
    instance: usize,
    acceptor: Option<TlsAcceptor>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let _ = stream.set_nodelay(true);
        let shop = Arc::clone(&shop);
        let service = service_fn(move |request| {
            let shop = Arc::clone(&shop);
            async move { Ok::<_, Infallible>(respond(request, shop, species, instance).await) }
        });
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // Clients may end a connection in any way.
            let _ = match acceptor {
                None => http.serve_connection(TokioIo::new(stream), service).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    shop: Arc<Shop>,
    species: Species,
    instance: usize,
) -> Response<Full<Bytes>> {
    let reply = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") => Reply::new(200, r#"{"status":"ok"}"#),
        (&Method::GET, "/orders") => list(&shop, species.lax, request.uri().query().unwrap_or("")),
        (&Method::POST, "/orders") => match call(request, shop, species, instance).await {
            Ok(call) => (species.place)(call).await,
            Err(refusal) => refusal,
        },
        _ => Reply::new(404, r#"{"error":"Not found"}"#),
    };
    let mut response = Response::builder()
        .status(reply.status)
        .header("content-type", "application/json");
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(reply.body))).unwrap()
}

/// Validates the request; the error is the refusal.
async fn call(
    request: Request<Incoming>,
    shop: Arc<Shop>,
    species: Species,
    instance: usize,
) -> Result<Call, Reply> {
    static KEYLESS: AtomicUsize = AtomicUsize::new(0);
    let mut lines = request.headers().get_all("idempotency-key").iter();
    let key = lines
        .next()
        .map_or("", |line| line.to_str().unwrap_or("\u{7f}"));
    let key = match key {
        "" if species.keyless => format!("none-{}", KEYLESS.fetch_add(1, Ordering::Relaxed)),
        "" => {
            let required = match species.lax {
                Lax::MissingKey(body) => body,
                _ => r#"{"error":"Idempotency-Key header is required"}"#,
            };
            return Err(Reply::new(400, required));
        }
        key if species.lax == Lax::QuotedKeys => key.to_owned(),
        key => key.trim_matches('"').to_owned(),
    };
    let visible = key.bytes().all(|letter| letter.is_ascii_graphic());
    let malformed = key.len() > 255 || !visible || lines.next().is_some();
    if malformed && species.lax != Lax::LongKeys {
        return Err(Reply::new(
            400,
            r#"{"error":"One key of 1 to 255 visible characters"}"#,
        ));
    }
    let key = (species.key)(&key);
    let early = shop.keys.lock().unwrap().get(&key).cloned();
    let invalid = || Reply::new(400, r#"{"error":"item and quantity"}"#);
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(|_| invalid())?
        .to_bytes();
    let spent = format!("spent {key}");
    let payload = match parse(&body) {
        Some(payload) => payload,
        None if species.lax == Lax::InvalidBodies => Payload {
            item:
                serde_json::from_slice::<serde_json::Value>(&body).map_err(|_| invalid())?["item"]
                    .as_str()
                    .ok_or_else(invalid)?
                    .to_owned(),
            quantity: 1,
        },
        None => {
            if species.lax == Lax::SpentKeys {
                shop.busy.lock().unwrap().insert(spent, String::new());
            }
            return Err(invalid());
        }
    };
    if shop.busy.lock().unwrap().contains_key(&spent) {
        return Err(invalid());
    }
    Ok(Call {
        fingerprint: (species.fingerprint)(&body, &payload),
        shop,
        species,
        instance,
        key,
        payload,
        early,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small whole number"
)]
fn parse(body: &[u8]) -> Option<Payload> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let quantity = value.get("quantity")?.as_f64()?;
    (quantity >= 1.0 && quantity.fract() == 0.0).then_some(Payload {
        item: value.get("item")?.as_str()?.to_owned(),
        quantity: quantity as u64,
    })
}

/// `GET /orders?limit=&after=`
fn list(shop: &Shop, lax: Lax, query: &str) -> Reply {
    let parameter = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(one, _)| *one == name)
            .find_map(|(_, value)| value.parse::<u64>().ok())
    };
    let limit = usize::try_from(parameter("limit").unwrap_or(100)).unwrap();
    let after = parameter("after").unwrap_or(0);
    let mut orders = shop.orders.lock().unwrap().clone();
    orders.sort_by_key(|order| order.id);
    orders.retain(|order| order.id > after);
    let more = orders.len() > limit;
    orders.truncate(limit);
    let next = orders
        .last()
        .filter(|_| more)
        .map(|order| order.id.to_string());
    let times = if lax == Lax::List { 2 } else { 1 };
    let rows: Vec<_> = orders
        .iter()
        .flat_map(|order| std::iter::repeat_n(order, times))
        .map(|order| {
            serde_json::json!({
                "id": order.id.to_string(),
                "item": order.payload.item,
                "quantity": order.payload.quantity,
            })
        })
        .collect();
    Reply::new(
        200,
        &serde_json::json!({ "orders": rows, "next": next }).to_string(),
    )
}

impl Window {
    /// Long enough for a duplicate to arrive.
    pub(super) const LONG: Self = Self::Millis(2);
}
