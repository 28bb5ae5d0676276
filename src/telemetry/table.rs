//! The table of metrics: one row for each, with everything about it.
//!
//! To add a metric, add a row to [`TABLE`] and a handle to [`Metrics`](super::Metrics). The page
//! `docs/observability.md` has the same table, and a test compares them.

/// Everything about one metric.
#[derive(Debug)]
pub struct Row {
    /// Its name, with the unit as its suffix.
    pub name: &'static str,
    /// What kind of metric it is.
    pub kind: Kind,
    /// Its unit.
    pub unit: metrics::Unit,
    /// What it counts or measures.
    pub help: &'static str,
    /// The name of its label, if it has one.
    pub label: Option<&'static str>,
}

/// Kinds of metrics.
#[derive(Debug)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by these upper bounds.
    Histogram(&'static [f64]),
}

use self::Kind::{Counter, Gauge, Histogram};
use metrics::Unit;

/// Upper bounds of durations, in seconds: a replay from memory takes less than the first, a request
/// has its deadline at the last.
const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];

/// Upper bounds of batch sizes. The default maximum is 256.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Upper bounds of sweeps, in seconds: of an empty table, and of hundreds of millions of keys.
const SWEEP_SECONDS: &[f64] = &[
    0.01, 0.1, 1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0,
];

/// Declares the rows, each as a constant, and the table of all.
macro_rules! table {
    ($($(#[doc = $help:literal])+ $constant:ident = $name:literal, $kind:expr, $unit:expr, $label:expr;)+) => {
        $(
            $(#[doc = $help])+
            pub(super) const $constant: Row = Row {
                name: $name,
                kind: $kind,
                unit: $unit,
                help: concat!($($help),+).trim_ascii(),
                label: $label,
            };
        )+

        /// Every metric.
        pub const TABLE: &[Row] = &[$($constant),+];
    };
}

table! {
    /// Requests to place an order, by outcome.
    REQUESTS = "orders_requests_total", Counter, Unit::Count, Some("outcome");
    /// HTTP responses, by operation and status class.
    RESPONSES = "orders_http_responses_total", Counter, Unit::Count, Some("operation");
    /// Time from the head of a request to its response, by operation.
    REQUEST_SECONDS = "orders_http_request_duration_seconds", Histogram(SECONDS), Unit::Seconds, Some("operation");
    /// Requests that a lane took at once.
    BATCH_SIZE = "orders_batch_size", Histogram(SIZES), Unit::Count, None;
    /// Requests that wait in the queues of the lanes.
    QUEUED = "orders_queued_requests", Gauge, Unit::Count, None;
    /// Lanes, each of which runs one transaction at a time.
    LANES = "orders_lanes", Gauge, Unit::Count, None;
    /// Time of a transaction, from BEGIN to the last read after COMMIT.
    TRANSACTION_SECONDS = "orders_transaction_duration_seconds", Histogram(SECONDS), Unit::Seconds, None;
    /// Transactions that failed and were retried, bisected or given up, by reason.
    TRANSACTION_FAILURES = "orders_transaction_failures_total", Counter, Unit::Count, Some("reason");
    /// Whether the database answers: 1 or 0.
    DATABASE_UP = "orders_database_up", Gauge, Unit::Count, None;
    /// Outages of the database.
    DATABASE_OUTAGES = "orders_database_outages_total", Counter, Unit::Count, None;
    /// Times that the database was exchanged: schema rebuilt, backup restored, server restarted.
    DATABASE_EXCHANGES = "orders_database_exchanges_total", Counter, Unit::Count, None;
    /// Connections of the pool for reads, by state.
    READ_CONNECTIONS = "orders_read_connections", Gauge, Unit::Count, Some("state");
    /// Commands from Kafka that are settled, by outcome.
    COMMANDS = "orders_consumer_commands_total", Counter, Unit::Count, Some("outcome");
    /// Commands that were settled together.
    POLL_SIZE = "orders_consumer_poll_size", Histogram(SIZES), Unit::Count, None;
    /// Records that were written to the dead-letter topic, by reason.
    DEAD_LETTERS = "orders_consumer_dead_letters_total", Counter, Unit::Count, Some("reason");
    /// Partitions that this consumer owns.
    PARTITIONS = "orders_consumer_partitions", Gauge, Unit::Count, None;
    /// Records of a partition that this consumer owns and has not settled, by partition.
    CONSUMER_LAG = "orders_consumer_lag_records", Gauge, Unit::Count, Some("partition");
    /// For how long the group of this consumer has not settled: partitions may have no owner.
    UNSETTLED = "orders_consumer_unsettled_seconds", Gauge, Unit::Seconds, None;
    /// Commits of offsets that have failed. They are repeated.
    COMMIT_FAILURES = "orders_consumer_commit_failures_total", Counter, Unit::Count, None;
    /// Rows that sweeps have taken, by kind: expired answers, and tombstones after them.
    SWEPT = "orders_swept_rows_total", Counter, Unit::Count, Some("kind");
    /// Time of a sweep of all keys, by trigger: the interval, or a request to clean up.
    SWEEPS = "orders_sweep_duration_seconds", Histogram(SWEEP_SECONDS), Unit::Seconds, Some("trigger");
    /// Sweeps that ended early, because of the database.
    SWEEP_FAILURES = "orders_sweep_failures_total", Counter, Unit::Count, None;
    /// When a sweep of this instance last reached the end, or when its sweeper started; 0 without one.
    SWEEP_FINISHED = "orders_sweep_finished_timestamp_seconds", Gauge, Unit::Seconds, None;
    /// Spans of sampled traces for the collector, by result.
    SPANS = "orders_spans_total", Counter, Unit::Count, Some("result");
    /// Events published, by sink. One can be published more than once.
    EVENTS_PUBLISHED = "orders_events_published_total", Counter, Unit::Count, Some("sink");
    /// Attempts to publish an event that failed, by sink. Each is tried again.
    EVENTS_FAILED = "orders_events_failed_total", Counter, Unit::Count, Some("sink");
    /// Age of the oldest event that is not published.
    OUTBOX_LAG = "orders_outbox_lag_seconds", Gauge, Unit::Seconds, None;
    /// Events that are not published. Counted up to 100000.
    OUTBOX_BACKLOG = "orders_outbox_backlog_events", Gauge, Unit::Count, None;
    /// Always 1, with the version as a label.
    BUILD_INFO = "orders_build_info", Gauge, Unit::Count, Some("version");
}
