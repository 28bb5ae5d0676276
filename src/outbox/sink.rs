//! Where events go.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use super::error::PublishError;
#[cfg(feature = "kafka")]
use super::kafka::KafkaSink;
use super::signature::Secrets;
use super::stdout::{self, StdoutSink};
use super::webhook::WebhookSink;
use super::{Event, SinkUrl};
use crate::telemetry::EventSink;

/// Bounds of a sink, and what it does not take from its URL.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// How long the publishing of one event may take.
    pub timeout: Duration,
    /// The most webhooks that are sent side by side.
    pub webhooks_max: usize,
    /// Signs webhooks. They are not sent without.
    pub secrets: Option<Secrets>,
}

impl Default for SinkSettings {
    /// The defaults of `orders serve`.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            webhooks_max: 16,
            secrets: None,
        }
    }
}

/// A sink cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A webhook without a secret.
    #[error("webhooks are signed: set ORDERS_WEBHOOK_SECRET (whsec_…)")]
    NoSecret,
    /// No TLS, for example without root certificates.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
    /// No thread that writes.
    #[error("cannot start the thread that writes to stdout")]
    Thread(#[source] io::Error),
    /// Nothing listens, or the name is not known.
    #[error("cannot connect to {to}")]
    Connect {
        /// The address.
        to: String,
        /// Why not.
        source: io::Error,
    },
    /// No Kafka client.
    #[cfg(feature = "kafka")]
    #[error(transparent)]
    Kafka(#[from] crate::kafka::ClientError),
    /// No broker answers.
    #[cfg(feature = "kafka")]
    #[error("no broker answers")]
    Broker(#[source] rdkafka::error::KafkaError),
    /// The brokers do not know the topic.
    #[error("there is no topic {0}")]
    NoTopic(String),
    /// The process is stopping.
    #[error("stopped")]
    Stopped,
}

/// Where events are published.
#[derive(Debug)]
pub struct Sink {
    kind: Kind,
    timeout: Duration,
    in_flight_max: usize,
}

#[derive(Debug)]
enum Kind {
    Stdout(StdoutSink),
    Webhook(WebhookSink),
    #[cfg(feature = "kafka")]
    Kafka(KafkaSink),
}

impl Sink {
    /// Opens a sink, and sends nothing.
    pub fn open(url: &SinkUrl, settings: &SinkSettings) -> Result<Self, OpenError> {
        let timeout = settings.timeout;
        let (kind, in_flight_max) = match url {
            SinkUrl::Stdout => {
                let sink = StdoutSink::new().map_err(OpenError::Thread)?;
                (Kind::Stdout(sink), stdout::LINES_MAX)
            }
            SinkUrl::Webhook(url) => {
                let secrets = settings.secrets.clone().ok_or(OpenError::NoSecret)?;
                let sink = WebhookSink::new(url.clone(), secrets, timeout)?;
                (Kind::Webhook(sink), settings.webhooks_max)
            }
            #[cfg(feature = "kafka")]
            SinkUrl::Kafka(url) => {
                // The producer has a queue of its own, and bounds it.
                (
                    Kind::Kafka(KafkaSink::new(url.clone(), timeout)?),
                    usize::MAX,
                )
            }
            // Such a URL does not parse.
            #[cfg(not(feature = "kafka"))]
            SinkUrl::Kafka(url) => return Err(OpenError::NoTopic(url.topic().to_owned())),
        };
        Ok(Self {
            kind,
            timeout,
            in_flight_max,
        })
    }

    /// Proves that the sink is there, as far as that can be told without publishing.
    pub async fn check(&self) -> Result<(), OpenError> {
        match &self.kind {
            Kind::Stdout(_) => Ok(()),
            Kind::Webhook(sink) => sink.check().await,
            #[cfg(feature = "kafka")]
            Kind::Kafka(sink) => sink.check().await,
        }
    }

    /// Publishes an event within the time limit, except on stdout. After an error the outcome may be
    /// unknown.
    pub(super) async fn publish(&self, event: &Event) -> Result<(), PublishError> {
        match &self.kind {
            Kind::Stdout(sink) => sink.publish(event).await,
            Kind::Webhook(sink) => sink.publish(event).await,
            #[cfg(feature = "kafka")]
            Kind::Kafka(sink) => sink.publish(event).await,
        }
    }

    /// How long the publishing of one event may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The most events that are published side by side.
    pub(super) fn in_flight_max(&self) -> usize {
        self.in_flight_max
    }

    /// Its name in metrics.
    pub(super) fn name(&self) -> EventSink {
        match self.kind {
            Kind::Stdout(_) => EventSink::Stdout,
            Kind::Webhook(_) => EventSink::Webhook,
            #[cfg(feature = "kafka")]
            Kind::Kafka(_) => EventSink::Kafka,
        }
    }
}
