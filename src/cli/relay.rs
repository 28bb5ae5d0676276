//! `orders relay`

use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;

use super::database::{DatabaseArgs, Missing};
use super::events::SinkArgs;
use super::probes::ProbesArgs;
use super::{CliError, Status, parse};
use crate::http;
use crate::outbox::{self, Relay, RelayError};

/// Arguments of `orders relay`.
#[derive(Debug, Args)]
pub(super) struct RelayArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    sink: SinkArgs,
    /// Time limit for events that are being published after SIGTERM or Ctrl-C
    #[arg(long, env = "ORDERS_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    shutdown_timeout: Duration,
    #[command(flatten)]
    probes: ProbesArgs,
}

/// The relay cannot start.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("no sink: set --events (ORDERS_EVENTS)")]
    NoSink,
    #[error("the schema is outdated ({0} pending): run orders migrate up")]
    Outdated(usize),
}

impl RelayArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        let probes = self.probes.bind().await?;
        let sink = self.sink.open()?.ok_or(Error::NoSink)?;
        let shutdown = http::shutdown_signal()?;
        let database = self.database.connect(Missing::Refuse).await?;
        match database.schema().pending().await?.len() {
            0 => {}
            pending => return Err(Error::Outdated(pending).into()),
        }
        let mut watch = JoinSet::new();
        watch.spawn(outbox::watch(database.reads().clone()));
        let probes = probes.start(database.clone())?;
        tracing::info!("relaying");
        let relay = Relay::new(database.clone(), sink);
        let ended = relay.run_until(shutdown, self.shutdown_timeout).await;
        drop(watch);
        probes.stop().await;
        database.close().await;
        if let Err(RelayError::Closed(reason)) = ended {
            // As for other data, no error: the reader has what it wants.
            tracing::info!(%reason, "nobody reads the events");
        }
        tracing::info!("stopped");
        Ok(Status::Done)
    }
}
