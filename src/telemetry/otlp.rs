//! Exports spans to a collector by OTLP over HTTP, as protobuf.
//!
//! A task beside the requests takes them from a bounded queue, many at a time. A collector that is
//! away is logged once, and spans are dropped until it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use reqwest::redirect;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use url::Url;
use uuid::Uuid;

use super::metrics;
use super::spans::{Span, Spans, Value};
use super::words::SpanFate;
use crate::chain::Chain;

/// The most spans in one request.
const BATCH_MAX: usize = 512;

/// How long a span waits for others.
const DELAY: Duration = Duration::from_secs(1);

/// Time limit for a request to the collector.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The URL does not name a collector. It is not repeated, because it may hold a password.
    #[error(
        "invalid OTLP endpoint, expected an http:// or https:// URL without user, query and fragment, \
         such as http://localhost:4318"
    )]
    Endpoint,
    /// No HTTP client.
    #[error("cannot set up the export of traces")]
    Client(#[from] reqwest::Error),
    /// A variable of OpenTelemetry is invalid.
    #[error("cannot set up the export of traces")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
}

/// The task that exports.
#[derive(Debug)]
pub struct Exporter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Starts to export to the collector at `endpoint`, to which `/v1/traces` is appended.
    ///
    /// Reads the variables of OpenTelemetry for the resource (`OTEL_SERVICE_NAME`,
    /// `OTEL_RESOURCE_ATTRIBUTES`) and the headers (`OTEL_EXPORTER_OTLP_HEADERS`).
    pub fn start(endpoint: &str, ratio: f64) -> Result<(Spans, Self), ExportError> {
        let endpoint = traces_url(endpoint).ok_or(ExportError::Endpoint)?;
        let failure = Failure::default();
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Transport::new(failure.clone())?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.as_str())
            .with_timeout(TIMEOUT)
            .build()?;
        exporter.set_resource(&resource());
        let (spans, queue) = Spans::queue(ratio);
        let (stop, stopped) = oneshot::channel();
        let export = Export {
            exporter,
            endpoint,
            failure,
            is_away: false,
        };
        let task = tokio::spawn(export.run(queue, stopped));
        Ok((spans, Self { stop, task }))
    }

    /// Exports what waits, for `timeout` at most. Spans that end later are dropped.
    pub async fn finish(mut self, timeout: Duration) {
        // An error says that the task has ended already.
        let _ = self.stop.send(());
        if tokio::time::timeout(timeout, &mut self.task).await.is_err() {
            self.task.abort();
            tracing::warn!("the last spans were not exported within {timeout:?}");
        }
    }
}

/// The URL for traces of a collector.
fn traces_url(endpoint: &str) -> Option<Url> {
    let mut url = Url::parse(endpoint).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
    url.set_path(&path);
    is_plain.then_some(url)
}

/// What the collector is told of this process.
fn resource() -> Resource {
    let given = Resource::builder().build();
    let is_given = |attribute: &KeyValue| {
        let value = given.get(&attribute.key);
        // The library makes a name up.
        value.is_some_and(|value| !value.as_str().starts_with("unknown_service"))
    };
    let defaults = [
        KeyValue::new("service.name", "orders"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", Uuid::now_v7().to_string()),
    ];
    let defaults = defaults
        .into_iter()
        .filter(|attribute| !is_given(attribute));
    Resource::builder().with_attributes(defaults).build()
}

/// The state of the task.
struct Export {
    exporter: opentelemetry_otlp::SpanExporter,
    endpoint: Url,
    failure: Failure,
    /// Whether the last export failed, which is logged.
    is_away: bool,
}

impl Export {
    /// Runs until the queue is empty after `stopped`.
    async fn run(mut self, mut queue: mpsc::Receiver<Span>, mut stopped: oneshot::Receiver<()>) {
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                _ = fill(&mut queue, &mut batch) => {}
                _ = &mut stopped => {
                    queue.close();
                    break self.drain(queue, batch).await;
                }
            }
            if batch.is_empty() {
                break;
            }
            self.export(batch).await;
        }
    }

    async fn drain(&mut self, mut queue: mpsc::Receiver<Span>, mut batch: Vec<Span>) {
        while !batch.is_empty() || fill(&mut queue, &mut batch).await {
            self.export(std::mem::take(&mut batch)).await;
        }
    }

    async fn export(&mut self, batch: Vec<Span>) {
        let count = batch.len() as u64;
        let spans = batch.into_iter().map(span_data).collect();
        match self.exporter.export(spans).await {
            Ok(()) => {
                metrics().spans(SpanFate::Exported, count);
                if std::mem::take(&mut self.is_away) {
                    tracing::info!(endpoint = %self.endpoint, "traces are exported again");
                }
            }
            Err(error) => {
                metrics().spans(SpanFate::Failed, count);
                if !std::mem::replace(&mut self.is_away, true) {
                    let cause = self.failure.take();
                    tracing::warn!(
                        endpoint = %self.endpoint,
                        error = cause.unwrap_or_else(|| Chain(&error).to_string()),
                        "cannot export traces, spans are dropped until the collector answers"
                    );
                }
            }
        }
    }
}

/// Waits for a span, and a moment for more. Returns `false` at the end of the queue.
async fn fill(queue: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) -> bool {
    if queue.recv_many(batch, BATCH_MAX).await == 0 {
        return false;
    }
    let deadline = Instant::now() + DELAY;
    while batch.len() < BATCH_MAX && !queue.is_closed() {
        let room = BATCH_MAX - batch.len();
        match timeout_at(deadline, queue.recv_many(batch, room)).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    true
}

fn span_data(span: Span) -> SpanData {
    let context = |id: u64| {
        let flags = TraceFlags::SAMPLED;
        SpanContext::new(span.trace.into(), id.into(), flags, false, TraceState::NONE)
    };
    let attribute = |(name, value)| match value {
        Value::Text(text) => KeyValue::new(name, text),
        Value::Number(number) => KeyValue::new(name, number),
    };
    SpanData {
        span_context: context(span.id),
        parent_span_id: span.parent.map_or(0, |parent| parent.id).into(),
        parent_span_is_remote: span.parent.is_some_and(|parent| parent.is_remote),
        span_kind: if span.is_server {
            SpanKind::Server
        } else {
            SpanKind::Internal
        },
        name: span.name,
        start_time: span.began,
        end_time: span.ended,
        attributes: span.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if span.has_failed {
            Status::error("")
        } else {
            Status::Unset
        },
        instrumentation_scope: InstrumentationScope::builder("orders").build(),
    }
}

/// Why the last request to the collector failed: the exporter itself does not say.
#[derive(Debug, Clone, Default)]
struct Failure(Arc<Mutex<Option<String>>>);

impl Failure {
    fn set(&self, cause: String) {
        let failure = self.0.lock();
        *failure.unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    fn take(&self) -> Option<String> {
        let failure = self.0.lock();
        failure.unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The HTTP client of the exporter.
#[derive(Debug)]
struct Transport {
    client: reqwest::Client,
    failure: Failure,
}

impl Transport {
    fn new(failure: Failure) -> Result<Self, reqwest::Error> {
        // An error says that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { client, failure })
    }
}

impl HttpClient for Transport {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let response = self.client.send_bytes(request).await;
            response.inspect_err(|error| self.failure.set(Chain(error.as_ref()).to_string()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::traces_url;

    #[test]
    fn an_endpoint_is_a_plain_url() {
        for (endpoint, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            (
                "https://a.example/otlp/",
                "https://a.example/otlp/v1/traces",
            ),
        ] {
            assert_eq!(traces_url(endpoint).unwrap().as_str(), url);
        }
        for endpoint in [
            "localhost:4318",
            "grpc://localhost:4317",
            "http://me:secret@localhost",
            "http://localhost/?key=secret",
            "",
        ] {
            assert_eq!(traces_url(endpoint), None, "{endpoint}");
        }
    }
}
