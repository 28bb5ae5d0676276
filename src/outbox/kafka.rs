//! Events as messages of Kafka, in the binary mode of the CloudEvents binding: the attributes are
//! headers, the value is the details.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::error::PublishError;
use super::{Event, OpenError, envelope};
use crate::kafka::{ClientError, KafkaLog, KafkaUrl, producer_within};

/// Produces to one topic. The key is the subject, so the events of a subject are in one partition.
pub(super) struct KafkaSink {
    url: KafkaUrl,
    timeout: Duration,
    producer: RwLock<Arc<FutureProducer<KafkaLog>>>,
}

impl KafkaSink {
    /// Makes the producer, which begins to connect.
    pub(super) fn new(url: KafkaUrl, timeout: Duration) -> Result<Self, ClientError> {
        let producer = producer_within(&url, timeout)?;
        Ok(Self {
            url,
            timeout,
            producer: RwLock::new(Arc::new(producer)),
        })
    }

    /// Asks a broker for the topic.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        let (producer, topic) = (self.producer(), self.url.topic().to_owned());
        let timeout = self.timeout;
        let asking = tokio::task::spawn_blocking(move || {
            // Of all topics: a broker may create the one that it is asked for.
            let metadata = producer.client().fetch_metadata(None, timeout);
            let metadata = metadata.map_err(OpenError::Broker)?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            match found {
                Some(found) if found.error().is_none() && !found.partitions().is_empty() => Ok(()),
                _ => Err(OpenError::NoTopic(topic)),
            }
        });
        asking.await.map_err(|_| OpenError::Stopped)?
    }

    /// Succeeds once every in-sync replica has the message.
    pub(super) async fn publish(&self, event: &Event) -> Result<(), PublishError> {
        let key = event.subject.to_string();
        let since = event.time().duration_since(SystemTime::UNIX_EPOCH);
        let milliseconds = i64::try_from(since.unwrap_or_default().as_millis());
        let record = FutureRecord::to(self.url.topic())
            .key(&key)
            .payload(&*event.data)
            .headers(headers(event))
            .timestamp(milliseconds.unwrap_or(i64::MAX));
        let producer = self.producer();
        let sent = producer.send_result(record);
        let result = match sent {
            Ok(delivered) => match delivered.await {
                Ok(delivered) => delivered.map(drop).map_err(|(error, _)| error),
                Err(_canceled) => Err(KafkaError::Canceled),
            },
            Err((error, _)) => Err(error),
        };
        result.map_err(|error| {
            self.replace_if_dead(&producer, &error);
            PublishError::new(error.to_string())
        })
    }

    fn producer(&self) -> Arc<FutureProducer<KafkaLog>> {
        let producer = self.producer.read();
        Arc::clone(&producer.unwrap_or_else(PoisonError::into_inner))
    }

    /// An idempotent producer does not go on when it can no longer tell what the broker has stored, such
    /// as after the broker has lost its data: it ends for good, or its messages time out again and
    /// again. Another one can: consumers deduplicate by the id.
    fn replace_if_dead(&self, dead: &Arc<FutureProducer<KafkaLog>>, error: &KafkaError) {
        let timed_out = error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageTimedOut);
        if !timed_out && dead.client().fatal_error().is_none() {
            return;
        }
        let producer = self.producer.write();
        let mut producer = producer.unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&producer, dead) {
            return;
        }
        tracing::debug!(%error, "another Kafka producer is made");
        match producer_within(&self.url, self.timeout) {
            Ok(another) => *producer = Arc::new(another),
            Err(error) => tracing::error!(%error, "cannot make a Kafka producer"),
        }
    }
}

fn headers(event: &Event) -> OwnedHeaders {
    let (id, subject) = (event.id.to_string(), event.subject.to_string());
    let time = envelope::time(event);
    let attributes = [
        ("ce_specversion", envelope::VERSION),
        ("ce_id", &id),
        ("ce_source", &event.source),
        ("ce_type", &event.event_type),
        ("ce_subject", &subject),
        ("ce_time", &time),
        ("content-type", envelope::DATA),
    ];
    let tenant = event.tenant.as_deref().map(|tenant| ("ce_tenant", tenant));
    let empty = OwnedHeaders::new_with_capacity(attributes.len() + 1);
    attributes
        .into_iter()
        .chain(tenant)
        .fold(empty, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        })
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
