//! Kafka: addresses, clients, and the log of librdkafka.
//!
//! A [`KafkaUrl`] names brokers and one topic. Producers and consumers are made of it with the same
//! connection settings, and write their log to `tracing` under the target `librdkafka`.
//!
//! The clients need the cargo feature `kafka`, on by default, which builds librdkafka. TLS and the
//! mechanisms SCRAM-SHA-256 and SCRAM-SHA-512 need the feature `kafka-tls`, which builds OpenSSL too.
//! Without the feature that a URL needs, parsing it fails and names the feature.

#[cfg(feature = "kafka")]
mod client;
#[cfg(feature = "kafka")]
mod log;
mod options;
mod url;

#[cfg(feature = "kafka")]
pub use self::client::{ClientError, consumer, producer, producer_within};
#[cfg(feature = "kafka")]
pub use self::log::{KafkaLog, report};
pub use self::options::{KafkaOption, OPTIONS, Side};
pub use self::url::{InvalidKafkaUrl, KafkaUrl};
