//! Taking records from the consumer, within bounds.

use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, OwnedMessage};
use tokio::time::{Instant, timeout, timeout_at};

use super::member::Member;
use super::{ConsumeError, Settings};
use crate::chain::Chain;

/// How often an idle consumer commits again what is not committed.
const IDLE: Duration = Duration::from_secs(5);

/// Records that are settled together.
#[derive(Debug, Default)]
pub(super) struct Poll {
    records: Vec<OwnedMessage>,
    bytes: usize,
}

impl Poll {
    pub(super) fn push(&mut self, record: OwnedMessage) {
        self.bytes += record.payload().map_or(0, <[u8]>::len);
        self.records.push(record);
    }

    pub(super) fn is_full(&self, settings: &Settings) -> bool {
        self.records.len() >= settings.poll_max.get() || self.bytes >= settings.poll_bytes_max
    }

    pub(super) fn records(&self) -> &[OwnedMessage] {
        &self.records
    }
}

/// Waits for a record, and takes those that follow soon. `begun` has records of before.
///
/// Dropping the future drops the records that it has taken, whose offsets are not committed.
pub(super) async fn collect(
    consumer: &StreamConsumer<Member>,
    settings: &Settings,
    begun: Poll,
) -> Result<Poll, ConsumeError> {
    let mut poll = begun;
    while poll.records.is_empty() {
        match timeout(IDLE, receive(consumer)).await {
            Ok(record) => poll.push(record?),
            // A commit may have failed.
            Err(_elapsed) => commit(consumer),
        }
    }
    let deadline = Instant::now() + settings.poll_wait;
    while !poll.is_full(settings) {
        match timeout_at(deadline, receive(consumer)).await {
            Ok(record) => poll.push(record?),
            Err(_elapsed) => break,
        }
    }
    Ok(poll)
}

/// The next record. Rebalances happen in here, as do all callbacks of the member.
pub(super) async fn receive(
    consumer: &StreamConsumer<Member>,
) -> Result<OwnedMessage, ConsumeError> {
    loop {
        match consumer.recv().await {
            Ok(record) => return Ok(record.detach()),
            Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                return Err(ConsumeError::Fatal(error));
            }
            // librdkafka logs them, and connects again.
            Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve,
            )) => {}
            Err(error) => tracing::warn!(error = %Chain(&error), "trying again"),
        }
    }
}

/// Begins to commit the offsets that were stored. If all are committed already, nothing is sent.
pub(super) fn commit(consumer: &StreamConsumer<Member>) {
    if let Err(error) = consumer.commit_consumer_state(CommitMode::Async) {
        tracing::debug!(error = %Chain(&error), "nothing to commit");
    }
}
