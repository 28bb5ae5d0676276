//! Producers and consumers of a [`KafkaUrl`].

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{ConsumerContext, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;

use super::{KafkaLog, KafkaUrl, OPTIONS, Side};

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The value of an option in the URL is not one that librdkafka accepts.
    #[error("the option {name} of the Kafka URL is invalid: {reason}")]
    Option {
        /// The option.
        name: String,
        /// What librdkafka says about it; nothing about a secret.
        reason: String,
    },
    /// Anything else, such as a certificate that cannot be read.
    #[error("cannot create a Kafka client")]
    Client(#[source] KafkaError),
}

/// The part of all clients. Their lines are filtered by `tracing`, not before.
fn config() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

/// An idempotent producer: the broker stores each record once, in the order in which it was sent,
/// and acknowledges it when every in-sync replica has it.
///
/// A record that is not acknowledged within 30 s (`message.timeout.ms`) fails, and may be stored all
/// the same.
pub fn producer(url: &KafkaUrl) -> Result<FutureProducer<KafkaLog>, ClientError> {
    producer_within(url, Duration::from_secs(30))
}

/// [`producer`] with another time limit for each record.
pub fn producer_within(
    url: &KafkaUrl,
    timeout: Duration,
) -> Result<FutureProducer<KafkaLog>, ClientError> {
    let mut config = config();
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", timeout.as_millis().to_string())
        // A batch waits this long for more records, unless more wait already.
        .set("linger.ms", "2")
        // The broker decides what is too large.
        .set("message.max.bytes", "1000000000")
        // Bounds the memory of what is not acknowledged yet.
        .set("queue.buffering.max.kbytes", "65536");
    for (name, value) in url.settings(Side::Producer) {
        config.set(name, value);
    }
    config.create_with_context(KafkaLog).map_err(explain)
}

/// A member of a consumer group that commits no offset by itself. It has no topic before it
/// subscribes.
///
/// Partitions move between members one by one (`cooperative-sticky`). A group without committed
/// offsets begins at the oldest record.
pub fn consumer<C: ConsumerContext + 'static>(
    url: &KafkaUrl,
    group: &str,
    context: C,
) -> Result<StreamConsumer<C>, ClientError> {
    let mut config = config();
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("allow.auto.create.topics", "false")
        // Bounds the memory of what is fetched ahead.
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.max.bytes", "16777216")
        .set("statistics.interval.ms", "5000");
    for (name, value) in url.settings(Side::Consumer) {
        config.set(name, value);
    }
    config.create_with_context(context).map_err(explain)
}

impl KafkaUrl {
    /// The settings of librdkafka for the connection, and the options for one side. Secrets
    /// included: for clients only.
    fn settings(&self, side: Side) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("bootstrap.servers", self.brokers().join(",")),
            ("client.id", "orders".to_owned()),
        ];
        if let Some(user) = &self.user {
            settings.extend([
                ("security.protocol", "sasl_ssl".to_owned()),
                ("sasl.mechanism", "PLAIN".to_owned()),
                ("sasl.username", user.clone()),
                ("sasl.password", self.password.clone().unwrap_or_default()),
            ]);
        }
        let options = self
            .options
            .iter()
            .filter(|(option, _)| option.side == Side::Both || option.side == side);
        settings.extend(options.map(|(option, value)| (option.name, value.clone())));
        settings
    }
}

/// Names the option, and keeps a secret out of the message: librdkafka repeats values.
fn explain(error: KafkaError) -> ClientError {
    let KafkaError::ClientConfig(_, reason, name, _) = &error else {
        return ClientError::Client(error);
    };
    let is_shown = |name: &str| {
        OPTIONS
            .iter()
            .any(|option| option.name == name && !option.secret)
    };
    ClientError::Option {
        reason: if is_shown(name) {
            reason.clone()
        } else {
            "librdkafka does not accept its value".to_owned()
        },
        name: name.clone(),
    }
}
