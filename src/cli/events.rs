//! Flags of the events of orders, and the relay inside `serve`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::{CliError, parse};
use crate::chain::Chain;
use crate::db::Database;
use crate::outbox::{self, InvalidSecret, InvalidSinkUrl, OpenError, Relay, Sink};
use crate::outbox::{Secrets, SinkSettings, SinkUrl};

/// Where events are published.
#[derive(Debug, Args)]
pub(super) struct SinkArgs {
    // Not parsed by clap, whose error messages repeat the value, with a token.
    #[arg(
        long,
        help = "Publish an event for each order: stdout:, https://… or kafka://… [default: none]",
        long_help = "Publish an event for each order, as a CloudEvent [default: none]\n\n\
                     stdout: writes lines of JSON. https://HOST/PATH or http://HOST/PATH sends \
                     webhooks, signed with ORDERS_WEBHOOK_SECRET. \
                     kafka://HOST:PORT[,HOST:PORT]/TOPIC sends messages with the id of the order \
                     as their key.",
        env = "ORDERS_EVENTS",
        hide_env_values = true,
        value_name = "URL"
    )]
    events: Option<String>,
    /// Secrets that sign webhooks, separated by spaces [default: none]
    ///
    /// Each begins with whsec_. The variable keeps them out of the process list.
    #[arg(
        long,
        env = "ORDERS_WEBHOOK_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    webhook_secret: Option<String>,
    /// Maximum number of webhooks that are sent side by side
    #[arg(long, env = "ORDERS_WEBHOOKS_MAX", default_value = "16", value_parser = parse::at_least_one::<NonZeroUsize>, value_name = "NUMBER")]
    webhooks_max: NonZeroUsize,
    /// Time limit for publishing one event; then it is tried again
    #[arg(long, env = "ORDERS_PUBLISH_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    publish_timeout: Duration,
}

/// Events of the orders of a server.
#[derive(Debug, Args)]
pub(super) struct EventArgs {
    #[command(flatten)]
    sink: SinkArgs,
    /// Source of events (CloudEvents), a URI reference
    #[arg(
        long,
        env = "ORDERS_EVENTS_SOURCE",
        default_value = "/orders",
        value_name = "URI"
    )]
    events_source: String,
    /// Write events, and leave their publishing to orders relay
    #[arg(long, env = "ORDERS_NO_RELAY")]
    no_relay: bool,
}

/// The flags of events cannot be used.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("invalid value of --events (ORDERS_EVENTS)")]
    Url(#[source] InvalidSinkUrl),
    #[error("invalid value of ORDERS_WEBHOOK_SECRET (--webhook-secret)")]
    Secret(#[source] InvalidSecret),
    #[error("cannot publish to {url} (--events)")]
    Open {
        url: Box<SinkUrl>,
        source: OpenError,
    },
    #[error(
        "--events-source must be a URI reference, such as /orders or https://shop.example/orders"
    )]
    Source,
    #[error("--publish-timeout must be from 10ms to 1h")]
    Timeout,
}

impl SinkArgs {
    fn url(&self) -> Result<Option<SinkUrl>, Error> {
        let url = self.events.as_deref().map(|text| text.trim().parse());
        url.transpose().map_err(Error::Url)
    }

    /// The sink, if there is a URL.
    pub(super) fn open(&self) -> Result<Option<Sink>, CliError> {
        let Some(url) = self.url()? else {
            return Ok(None);
        };
        if !(Duration::from_millis(10)..=Duration::from_hours(1)).contains(&self.publish_timeout) {
            return Err(Error::Timeout.into());
        }
        let secrets = self.webhook_secret.as_deref().map(str::parse::<Secrets>);
        let settings = SinkSettings {
            timeout: self.publish_timeout,
            webhooks_max: self.webhooks_max.get(),
            secrets: secrets.transpose().map_err(Error::Secret)?,
        };
        match Sink::open(&url, &settings) {
            Ok(sink) => {
                tracing::info!(events = %url, "publishing events");
                Ok(Some(sink))
            }
            Err(source) => {
                let url = Box::new(url);
                Err(Error::Open { url, source }.into())
            }
        }
    }

    /// Opens the sink, and proves that it is there.
    pub(super) async fn check(&self) -> Result<(), CliError> {
        let (Some(sink), Some(url)) = (self.open()?, self.url()?) else {
            return Ok(());
        };
        let checked = sink.check().await;
        checked.map_err(|source| {
            let url = Box::new(url);
            Error::Open { url, source }.into()
        })
    }
}

impl EventArgs {
    /// The source of events, if they are on.
    pub(super) fn source(&self) -> Result<Option<Arc<str>>, CliError> {
        let part = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
        let source = &self.events_source;
        if source.is_empty() || !source.bytes().all(part) {
            return Err(Error::Source.into());
        }
        Ok(self.sink.url()?.map(|_| source.as_str().into()))
    }

    /// Proves that events can be published, and publishes none.
    pub(super) async fn check(&self) -> Result<(), CliError> {
        self.source()?;
        if self.no_relay {
            return Ok(());
        }
        self.sink.check().await
    }

    /// Opens the sink of the relay.
    pub(super) fn prepare(&self) -> Result<Prepared, CliError> {
        Ok(Prepared {
            events: self.source()?.is_some(),
            sink: if self.no_relay {
                None
            } else {
                self.sink.open()?
            },
        })
    }
}

/// A relay that is not started.
pub(super) struct Prepared {
    events: bool,
    sink: Option<Sink>,
}

/// A relay inside `serve`, if events are on and it is not elsewhere.
pub(super) struct Relaying {
    relay: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    _watch: JoinSet<()>,
}

impl Prepared {
    /// Starts the relay, and the metrics of the outbox.
    pub(super) fn start(self, database: &Database, stop_timeout: Duration) -> Relaying {
        let mut watch = JoinSet::new();
        if self.events {
            watch.spawn(outbox::watch(database.reads().clone()));
        }
        let relay = self.sink.map(|sink| {
            let relay = Relay::new(database.clone(), sink);
            let (stop, stopped) = oneshot::channel::<()>();
            let running = tokio::spawn(async move {
                let stopped = async {
                    // An error says that the sender was dropped, which asks for the same.
                    let _ = stopped.await;
                };
                if let Err(error) = relay.run_until(stopped, stop_timeout).await {
                    tracing::error!(error = %Chain(&error), "the relay has ended, events are kept");
                }
            });
            (stop, running)
        });
        Relaying {
            relay,
            _watch: watch,
        }
    }
}

impl Relaying {
    /// Stops the relay, within the time that it was given.
    pub(super) async fn stop(self) {
        if let Some((stop, running)) = self.relay {
            drop(stop);
            if let Err(error) = running.await {
                tracing::error!(%error, "the relay panicked");
            }
        }
    }
}
