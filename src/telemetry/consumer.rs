//! Metrics of a consumer of Kafka. They are on the page of every process, and 0 where none runs, except
//! the lag: it is there once a consumer has a partition.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label};

use super::words::{DeadLetterReason, RequestOutcome};
use super::{Registry, size, table};

/// The handles.
pub struct ConsumerMetrics {
    commands: Vec<Counter>,
    poll_size: Histogram,
    dead_letters: Vec<Counter>,
    partitions: Gauge,
    unsettled: Gauge,
    commit_failures: Counter,
    /// Registers the gauges of partitions, which become known later.
    registry: Registry,
}

impl ConsumerMetrics {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            commands: registry.counters(
                &table::COMMANDS,
                RequestOutcome::ALL,
                RequestOutcome::name,
            ),
            poll_size: registry.histogram(&table::POLL_SIZE, &[]),
            dead_letters: registry.counters(
                &table::DEAD_LETTERS,
                DeadLetterReason::ALL,
                DeadLetterReason::name,
            ),
            partitions: registry.gauge(&table::PARTITIONS, &[]),
            unsettled: registry.gauge(&table::UNSETTLED, &[]),
            commit_failures: registry.counter(&table::COMMIT_FAILURES, &[]),
            registry,
        }
    }

    /// A poll has taken this many records.
    pub fn polled(&self, records: usize) {
        self.poll_size.record(size(records));
    }

    /// A command is settled.
    pub fn command(&self, outcome: RequestOutcome) {
        self.commands[outcome as usize].increment(1);
    }

    /// A record is in the dead-letter topic.
    pub fn dead_letter(&self, reason: DeadLetterReason) {
        self.dead_letters[reason as usize].increment(1);
    }

    /// Partitions were added to those of this consumer.
    pub fn partitions_assigned(&self, count: usize) {
        self.partitions.increment(size(count));
    }

    /// Partitions were taken from this consumer. Their lag is another's.
    pub fn partitions_revoked(&self, partitions: &[i32]) {
        self.partitions.decrement(size(partitions.len()));
        for partition in partitions {
            self.lag(*partition).set(0.0);
        }
    }

    /// The records of a partition that are not settled.
    pub fn consumer_lag(&self, partition: i32, records: u64) {
        let records = u32::try_from(records).unwrap_or(u32::MAX);
        self.lag(partition).set(f64::from(records));
    }

    /// The group has not settled for this long, zero if it has.
    pub fn unsettled(&self, time: Duration) {
        self.unsettled.set(time);
    }

    /// A commit of offsets has failed.
    pub fn offsets_not_committed(&self) {
        self.commit_failures.increment(1);
    }

    /// A lookup and an allocation: for a partition every few seconds.
    fn lag(&self, partition: i32) -> Gauge {
        let label = Label::new("partition", partition.to_string());
        self.registry.gauge_of(&table::CONSUMER_LAG, label)
    }
}
