//! librdkafka's log lines and errors, as events of `tracing`.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

/// The target of librdkafka's log lines.
const TARGET: &str = "librdkafka";

/// The context of a client that only logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct KafkaLog;

impl ClientContext for KafkaLog {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        report(level, facility, message);
    }

    /// librdkafka logs the same as a line.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: TARGET, %error, "{reason}");
    }
}

impl ConsumerContext for KafkaLog {}

/// Writes a line of librdkafka to the log. Without the option `debug`, which a URL cannot set, no
/// line holds a secret.
///
/// A lost broker is an error to librdkafka, but it connects again by itself: here it is a warning.
pub fn report(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(target: TARGET, facility, "{message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: TARGET, facility, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: TARGET, facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: TARGET, facility, "{message}"),
    }
}
