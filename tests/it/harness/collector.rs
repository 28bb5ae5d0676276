//! A collector of traces: OTLP over HTTP, as protobuf.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What was received.
#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    /// Names and values of the resource.
    resource: Vec<(String, String)>,
    /// The values of the header `x-tenant`.
    headers: Vec<String>,
    /// Everything, byte for byte.
    raw: Vec<u8>,
}

/// A running collector. It ends when dropped.
pub(crate) struct Collector {
    pub(crate) url: String,
    received: Arc<Mutex<Received>>,
    _tasks: JoinSet<()>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    /// Starts on an address, such as that of one that has ended.
    pub(crate) async fn start_on(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::<Mutex<Received>>::default();
        let mut tasks = JoinSet::new();
        let into = received.clone();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let into = into.clone();
                let service = service_fn(move |request| receive(request, into.clone()));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(async {
                    // The client may close it at any time.
                    let _ = serving.await;
                });
            }
        });
        Self {
            url,
            received,
            _tasks: tasks,
        }
    }

    /// The spans so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received.lock().unwrap().spans.clone()
    }

    /// Waits for a number of spans.
    pub(crate) async fn until_spans(&self, count: usize) -> Vec<Span> {
        for _ in 0..400 {
            if self.spans().len() >= count {
                return self.spans();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not {count} spans within 20 s: {:?}", self.spans());
    }

    pub(crate) fn resource(&self) -> Vec<(String, String)> {
        self.received.lock().unwrap().resource.clone()
    }

    pub(crate) fn headers(&self) -> Vec<String> {
        self.received.lock().unwrap().headers.clone()
    }

    /// Whether a text occurs in anything that was received.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let raw = &self.received.lock().unwrap().raw;
        raw.windows(text.len()).any(|part| part == text.as_bytes())
    }
}

async fn receive(
    request: Request<Incoming>,
    into: Arc<Mutex<Received>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    assert_eq!(head.uri.path(), "/v1/traces");
    assert_eq!(head.headers["content-type"], "application/x-protobuf");
    let export = ExportTraceServiceRequest::decode(&*body).unwrap();
    let mut into = into.lock().unwrap();
    into.raw.extend_from_slice(&body);
    let tenant = head.headers.get("x-tenant");
    into.headers
        .extend(tenant.map(|value| value.to_str().unwrap().to_owned()));
    for of_resource in export.resource_spans {
        for attribute in of_resource.resource.unwrap().attributes {
            if let Some(Value::StringValue(value)) = attribute.value.unwrap().value {
                into.resource.push((attribute.key, value));
            }
        }
        for of_scope in of_resource.scope_spans {
            into.spans.extend(of_scope.spans);
        }
    }
    let response = Response::builder().status(StatusCode::OK);
    Ok(response.body(Full::default()).unwrap())
}

/// The value of an attribute as text.
pub(crate) fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|one| one.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}
