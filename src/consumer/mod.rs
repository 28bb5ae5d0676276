//! Orders from a Kafka topic, through the executor that HTTP uses too.
//!
//! A [`Consumer`] is a member of a consumer group. It takes commands in *polls*: what has arrived,
//! within bounds of number, size and time. The commands of a poll go through the executor together,
//! so that they share a transaction. Then the offsets of the poll are committed, and the next poll
//! begins.
//!
//! - **At most one order per command.** A command has a key: that of its header `Idempotency-Key`,
//!   or else the place of its record. Whatever is delivered again, after a crash, a rebalance or a
//!   lost commit, is a replay.
//! - **No command is lost.** Its offset is committed only after the database has its order, or the
//!   dead-letter topic has its record. What fails for a reason that passes is tried again until it
//!   succeeds, and the offset waits.
//! - **Poison does not block.** A record that can never become an order goes to the dead-letter
//!   topic, with the reason: see [`Poison`].
//!
//! A rebalance may take partitions away while their commands are in flight. They are not aborted:
//! the database stores them, the next owner replays them, and only their offsets are not committed
//! here.

mod command;
mod dead_letter;
mod member;
mod poll;
mod run;
mod settle;
mod standing;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;

pub use self::command::Poison;
pub use self::run::Consumer;
use crate::idempotency::Tenant;
use crate::kafka::{ClientError, KafkaUrl};

/// What to consume, and within which bounds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The brokers and the topic of the commands.
    pub from: KafkaUrl,
    /// The consumer group.
    pub group: String,
    /// The topic for records that can never become orders, on the same brokers.
    pub dead_letter: KafkaUrl,
    /// Whose commands they are. A record cannot name another tenant.
    pub tenant: Tenant,
    /// The source of the events of orders, a URI reference; `None` for no events.
    pub event_source: Option<Arc<str>>,
    /// The most commands in one poll.
    pub poll_max: NonZeroUsize,
    /// The size of the payloads at which a poll is full, in bytes.
    pub poll_bytes_max: usize,
    /// How long a poll that has a command waits for more.
    pub poll_wait: Duration,
    /// The largest command, in bytes. A larger one is poison.
    pub command_bytes_max: usize,
    /// How long the shutdown may take: the poll in flight, then its offsets and the group.
    pub shutdown_timeout: Duration,
}

/// Why a consumer does not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// A client of Kafka cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The subscription is not accepted.
    #[error("cannot subscribe to the topic {topic}")]
    Subscribe {
        /// The topic.
        topic: String,
        /// Why.
        source: KafkaError,
    },
    /// The lanes cannot be started.
    #[error("cannot start the executor")]
    Executor(#[source] std::io::Error),
    /// The client cannot be used any more: another member has taken its static group instance, for
    /// example.
    #[error("the Kafka client has failed for good")]
    Fatal(#[source] KafkaError),
}
