//! Metrics and spans of the process, and the words that they share with logs. Knows no module above
//! it.
//!
//! Handles are registered once, so that recording is an atomic operation without a lookup, a lock
//! or an allocation.

mod consumer;
mod otlp;
mod spans;
mod table;
mod words;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use self::consumer::ConsumerMetrics;
pub use self::otlp::{ExportError, Exporter};
pub use self::spans::{Parent, Span, Spans, Value};
pub use self::table::{Kind, Row, TABLE};
pub use self::words::{
    DeadLetterReason, EventSink, FailureReason, HttpOperation, RequestOutcome, SpanFate,
    SweepTrigger, SweptRows,
};

/// Status classes of responses.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// The metrics of this process.
#[must_use]
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

/// The handles of all metrics.
pub struct Metrics {
    page: PrometheusHandle,
    requests: Vec<Counter>,
    responses: Vec<[Counter; CLASSES.len()]>,
    request_seconds: Vec<Histogram>,
    batch_size: Histogram,
    queued: Gauge,
    lanes: Gauge,
    transaction_seconds: Histogram,
    transaction_failures: Vec<Counter>,
    database_up: Gauge,
    database_outages: Counter,
    database_exchanges: Counter,
    read_connections_open: Gauge,
    read_connections_idle: Gauge,
    consumer: ConsumerMetrics,
    swept: Vec<Counter>,
    sweep_seconds: Vec<Histogram>,
    sweep_failures: Counter,
    sweep_finished: Gauge,
    spans: Vec<Counter>,
    events_published: Vec<Counter>,
    events_failed: Vec<Counter>,
    outbox_lag: Gauge,
    outbox_backlog: Gauge,
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let operations = HttpOperation::ALL;
        let by_class = |operation: &HttpOperation| {
            CLASSES.map(|class| {
                let labels = [("operation", operation.name()), ("status", class)];
                registry.counter(&table::RESPONSES, &labels)
            })
        };
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.gauge(&table::BUILD_INFO, &version).set(1.0);
        Self {
            page: registry.0.handle(),
            requests: registry.counters(
                &table::REQUESTS,
                RequestOutcome::ALL,
                RequestOutcome::name,
            ),
            responses: operations.iter().map(by_class).collect(),
            request_seconds: registry.histograms(
                &table::REQUEST_SECONDS,
                operations,
                HttpOperation::name,
            ),
            batch_size: registry.histogram(&table::BATCH_SIZE, &[]),
            queued: registry.gauge(&table::QUEUED, &[]),
            lanes: registry.gauge(&table::LANES, &[]),
            transaction_seconds: registry.histogram(&table::TRANSACTION_SECONDS, &[]),
            transaction_failures: registry.counters(
                &table::TRANSACTION_FAILURES,
                FailureReason::ALL,
                FailureReason::name,
            ),
            database_up: registry.gauge(&table::DATABASE_UP, &[]),
            database_outages: registry.counter(&table::DATABASE_OUTAGES, &[]),
            database_exchanges: registry.counter(&table::DATABASE_EXCHANGES, &[]),
            read_connections_open: registry.gauge(&table::READ_CONNECTIONS, &[("state", "open")]),
            read_connections_idle: registry.gauge(&table::READ_CONNECTIONS, &[("state", "idle")]),
            swept: registry.counters(&table::SWEPT, SweptRows::ALL, SweptRows::name),
            sweep_seconds: registry.histograms(
                &table::SWEEPS,
                SweepTrigger::ALL,
                SweepTrigger::name,
            ),
            sweep_failures: registry.counter(&table::SWEEP_FAILURES, &[]),
            sweep_finished: registry.gauge(&table::SWEEP_FINISHED, &[]),
            spans: registry.counters(&table::SPANS, SpanFate::ALL, SpanFate::name),
            events_published: registry.counters(
                &table::EVENTS_PUBLISHED,
                EventSink::ALL,
                EventSink::name,
            ),
            events_failed: registry.counters(
                &table::EVENTS_FAILED,
                EventSink::ALL,
                EventSink::name,
            ),
            outbox_lag: registry.gauge(&table::OUTBOX_LAG, &[]),
            outbox_backlog: registry.gauge(&table::OUTBOX_BACKLOG, &[]),
            consumer: ConsumerMetrics::new(registry),
        }
    }

    /// What a consumer of Kafka records.
    #[must_use]
    pub fn consumer(&self) -> &ConsumerMetrics {
        &self.consumer
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn page(&self) -> String {
        self.page.render()
    }

    /// Sorts the values of histograms into their buckets, which a scrape does too: without either
    /// they would pile up. To be called several times a second.
    pub fn upkeep(&self) {
        self.page.run_upkeep();
    }

    /// A request with a key has ended.
    pub fn request(&self, outcome: RequestOutcome) {
        self.requests[outcome as usize].increment(1);
    }

    /// An HTTP request was answered.
    pub fn response(&self, operation: HttpOperation, status: u16, took: Duration) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        self.responses[operation as usize][class].increment(1);
        self.request_seconds[operation as usize].record(took);
    }

    /// A request waits in the queue of a lane.
    pub fn queued(&self) {
        self.queued.increment(1.0);
    }

    /// A lane took this many requests.
    pub fn taken(&self, requests: usize) {
        let size = size(requests);
        self.queued.decrement(size);
        self.batch_size.record(size);
    }

    /// Lanes have started.
    pub fn lanes_started(&self, count: usize) {
        self.lanes.increment(size(count));
    }

    /// A transaction has ended, well or badly.
    pub fn transaction(&self, took: Duration) {
        self.transaction_seconds.record(took);
    }

    /// A transaction has failed.
    pub fn transaction_failed(&self, reason: FailureReason) {
        self.transaction_failures[reason as usize].increment(1);
    }

    /// The database answers.
    pub fn database_is_up(&self) {
        self.database_up.set(1.0);
    }

    /// An outage of the database has begun.
    pub fn database_is_down(&self) {
        self.database_up.set(0.0);
        self.database_outages.increment(1);
    }

    /// The database is another than before.
    pub fn database_exchanged(&self) {
        self.database_exchanges.increment(1);
    }

    /// A sweep has taken rows.
    pub fn swept(&self, rows: SweptRows, count: u64) {
        self.swept[rows as usize].increment(count);
    }

    /// The sweeper of this instance has started.
    pub fn sweeper_started(&self) {
        self.sweep_finished.set(unix_time());
    }

    /// A sweep has reached the end of the table.
    pub fn sweep_finished(&self, trigger: SweepTrigger, took: Duration) {
        self.sweep_seconds[trigger as usize].record(took);
        self.sweep_finished.set(unix_time());
    }

    /// A sweep has ended early.
    pub fn sweep_failed(&self) {
        self.sweep_failures.increment(1);
    }

    /// What became of spans.
    pub fn spans(&self, fate: SpanFate, count: u64) {
        self.spans[fate as usize].increment(count);
    }

    /// An event was published.
    pub fn event_published(&self, sink: EventSink) {
        self.events_published[sink as usize].increment(1);
    }

    /// An event was not published.
    pub fn event_failed(&self, sink: EventSink) {
        self.events_failed[sink as usize].increment(1);
    }

    /// The events that are not published, and the age of the oldest in seconds.
    pub fn outbox(&self, backlog: u32, lag: f64) {
        self.outbox_backlog.set(backlog);
        self.outbox_lag.set(lag);
    }

    /// The connections for reads, at the moment of a scrape.
    pub fn read_connections(&self, open: usize, idle: usize) {
        self.read_connections_open.set(size(open));
        self.read_connections_idle.set(size(idle));
    }
}

/// Small numbers only.
fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Seconds since 1970.
fn unix_time() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// Registers handles and describes their metrics.
struct Registry(PrometheusRecorder);

impl Registry {
    fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for row in TABLE {
            if let Kind::Histogram(buckets) = row.kind {
                let name = Matcher::Full(row.name.to_owned());
                let set = builder.set_buckets_for_metric(name, buckets);
                builder = set.expect("every histogram has buckets");
            }
        }
        let recorder = builder.build_recorder();
        for row in TABLE {
            let (name, unit) = (row.name.into(), Some(row.unit));
            match row.kind {
                Kind::Counter => recorder.describe_counter(name, unit, row.help.into()),
                Kind::Gauge => recorder.describe_gauge(name, unit, row.help.into()),
                Kind::Histogram(_) => recorder.describe_histogram(name, unit, row.help.into()),
            }
        }
        Self(recorder)
    }

    fn counter(&self, row: &Row, labels: &[(&'static str, &'static str)]) -> Counter {
        self.0.register_counter(&key(row, labels), &METADATA)
    }

    fn counters<T: Copy>(
        &self,
        row: &Row,
        values: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Vec<Counter> {
        let label = row.label.unwrap_or_default();
        let values = values.iter().map(|value| [(label, name(*value))]);
        values.map(|labels| self.counter(row, &labels)).collect()
    }

    fn histograms<T: Copy>(
        &self,
        row: &Row,
        values: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Vec<Histogram> {
        let label = row.label.unwrap_or_default();
        let values = values.iter().map(|value| [(label, name(*value))]);
        values.map(|labels| self.histogram(row, &labels)).collect()
    }

    fn gauge(&self, row: &Row, labels: &[(&'static str, &'static str)]) -> Gauge {
        self.0.register_gauge(&key(row, labels), &METADATA)
    }

    /// The gauge with a label whose value is known late.
    fn gauge_of(&self, row: &Row, label: Label) -> Gauge {
        let key = Key::from_parts(row.name, vec![label]);
        self.0.register_gauge(&key, &METADATA)
    }

    fn histogram(&self, row: &Row, labels: &[(&'static str, &'static str)]) -> Histogram {
        self.0.register_histogram(&key(row, labels), &METADATA)
    }
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(row: &Row, labels: &[(&'static str, &'static str)]) -> Key {
    let label =
        |(name, value): &(&'static str, &'static str)| Label::from_static_parts(name, value);
    Key::from_parts(row.name, labels.iter().map(label).collect::<Vec<_>>())
}
