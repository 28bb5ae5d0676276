//! Records that can never become orders, put aside with the reason.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage, ToBytes};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::Poison;
use crate::chain::Chain;
use crate::kafka::{ClientError, KafkaLog, KafkaUrl, producer};
use crate::telemetry::metrics;

/// What the names of our headers begin with.
const PREFIX: &str = "dead-letter-";

/// The pause before a record is sent again. librdkafka has tried for longer already.
const PAUSE: Duration = Duration::from_secs(1);

/// The dead-letter topic.
pub(super) struct DeadLetters {
    producer: FutureProducer<KafkaLog>,
    topic: String,
    group: String,
}

impl DeadLetters {
    pub(super) fn new(url: &KafkaUrl, group: &str) -> Result<Self, ClientError> {
        Ok(Self {
            producer: producer(url)?,
            topic: url.topic().to_owned(),
            group: group.to_owned(),
        })
    }

    /// Writes a record to the topic, and tries again until the brokers have it. A record that is sent
    /// again after a crash is there twice, with the same `dead-letter-offset`.
    pub(super) async fn put(&self, record: &OwnedMessage, poison: &Poison) {
        let mut has_payload = true;
        loop {
            let payload = record.payload().filter(|_| has_payload);
            let letter = FutureRecord::<[u8], [u8]> {
                topic: &self.topic,
                partition: None,
                payload,
                key: record.key(),
                timestamp: None,
                headers: Some(self.headers(record, poison)),
            };
            let Err((error, _)) = self.producer.send(letter, Timeout::Never).await else {
                break;
            };
            if has_payload && is_too_large(&error) {
                // The source topic still has it, at the place that the headers name.
                has_payload = false;
                continue;
            }
            tracing::warn!(
                topic = self.topic,
                error = %Chain(&error),
                "cannot write to the dead-letter topic, trying again"
            );
            tokio::time::sleep(PAUSE).await;
        }
        metrics().consumer().dead_letter(poison.reason());
        tracing::warn!(
            topic = record.topic(),
            partition = record.partition(),
            offset = record.offset(),
            code = poison.code(),
            dead_letter = self.topic,
            "dead letter"
        );
    }

    /// The headers of the record, and where it was and why it is here.
    fn headers(&self, record: &OwnedMessage, poison: &Poison) -> OwnedHeaders {
        let mut headers = OwnedHeaders::new();
        let former = record.headers().into_iter().flat_map(Headers::iter);
        // A dead letter that was sent to the source again has headers of ours already.
        for header in former.filter(|header| !header.key.starts_with(PREFIX)) {
            headers = headers.insert(header);
        }
        let mut add = |name: &str, value: &str| {
            let header = Header {
                key: &format!("{PREFIX}{name}"),
                value: Some(value.to_bytes()),
            };
            headers = std::mem::take(&mut headers).insert(header);
        };
        add("code", poison.code());
        add("reason", &poison.to_string());
        add("topic", record.topic());
        add("partition", &record.partition().to_string());
        add("offset", &record.offset().to_string());
        if let Some(timestamp) = record.timestamp().to_millis() {
            add("timestamp", &timestamp.to_string());
        }
        add("group", &self.group);
        headers
    }
}

fn is_too_large(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize)
    )
}
