//! What the group tells a member: partitions, commits, lag.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientContext, Statistics, TopicPartitionList};

use super::standing::Standing;
use crate::chain::Chain;
use crate::kafka::{self, KafkaLog};
use crate::telemetry::metrics;

/// The state of a member, which its callbacks change. They run while the consumer is polled.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// Nothing is fetched. Partitions that are assigned meanwhile are paused too.
    paused: AtomicBool,
    standing: Mutex<Standing>,
}

impl Member {
    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // The failure of an asynchronous commit is told in no other way.
        if facility == "COMMITFAIL" {
            metrics().consumer().offsets_not_committed();
        }
        kafka::report(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        KafkaLog.error(error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let standing = self.standing.lock();
        let mut standing = standing.unwrap_or_else(PoisonError::into_inner);
        standing.update(statistics.cgrp.as_ref());
        drop(standing);
        let partitions = statistics
            .topics
            .values()
            .flat_map(|topic| topic.partitions.values());
        for partition in partitions {
            // Negative where it is not known: not assigned, or nothing committed yet.
            if let Ok(lag) = u64::try_from(partition.consumer_lag_stored) {
                metrics().consumer().consumer_lag(partition.partition, lag);
            }
        }
    }
}

impl ConsumerContext for Member {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(partitions) => {
                let partitions = ids(partitions);
                tracing::info!(?partitions, "partitions revoked");
                metrics().consumer().partitions_revoked(&partitions);
            }
            Rebalance::Error(error) => {
                tracing::warn!(error = %Chain(error), "the rebalance has failed");
            }
            Rebalance::Assign(_) => {}
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(partitions) = rebalance else {
            return;
        };
        if self.paused.load(Ordering::Relaxed)
            && let Err(error) = consumer.pause(partitions)
        {
            // Then their records wait in memory, which is bounded.
            tracing::debug!(error = %Chain(&error), "cannot pause");
        }
        let partitions = ids(partitions);
        tracing::info!(?partitions, "partitions assigned");
        metrics().consumer().partitions_assigned(partitions.len());
    }
}

fn ids(partitions: &TopicPartitionList) -> Vec<i32> {
    let elements = partitions.elements();
    elements
        .iter()
        .map(TopicPartitionListElem::partition)
        .collect()
}
