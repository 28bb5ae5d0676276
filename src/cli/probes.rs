//! `--metrics-address`: metrics and probes of a process without an API.

use std::io;

use clap::Args;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::{CliError, print};
use crate::db::Database;
use crate::http::{self, Listener, Server};

/// Where metrics and probes are served.
#[derive(Debug, Args)]
pub(super) struct ProbesArgs {
    /// Serve /metrics, /livez and /health at this HOST:PORT [default: none]
    #[arg(long, env = "ORDERS_METRICS_ADDRESS", value_name = "ADDRESS")]
    metrics_address: Option<String>,
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("--metrics-address must be HOST:PORT, such as 0.0.0.0:9464")]
    Address,
    #[error("cannot listen on {address}, the address of --metrics-address")]
    Listen { address: String, source: io::Error },
}

impl ProbesArgs {
    /// Binds the address, if there is one.
    pub(super) async fn bind(&self) -> Result<BoundProbes, CliError> {
        let Some(address) = &self.metrics_address else {
            return Ok(BoundProbes(None));
        };
        let (host, port) = address.rsplit_once(':').ok_or(Error::Address)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().map_err(|_| Error::Address)?;
        let cannot_listen = |source| Error::Listen {
            address: address.clone(),
            source,
        };
        let resolved = http::resolve(host, port).await.map_err(cannot_listen)?;
        let listener = Listener::bind(resolved).map_err(cannot_listen)?;
        Ok(BoundProbes(Some(listener)))
    }
}

/// The address is bound, and nothing is served yet.
pub(super) struct BoundProbes(Option<Listener>);

impl BoundProbes {
    /// Serves in a task of its own, and prints the URL to stdout.
    pub(super) fn start(self, database: Database) -> Result<Probes, CliError> {
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        if let Some(listener) = self.0 {
            let server = Server::of_probes(listener, database)?;
            print(&format!("{}\n", server.url()))?;
            tracing::info!(address = %server.address(), "serving metrics and probes");
            tasks.spawn(async move {
                let stopped = async {
                    let _ = stopped.await;
                };
                if let Err(error) = server.run_until(stopped).await {
                    tracing::error!(%error, "metrics and probes have failed");
                }
            });
        }
        Ok(Probes { tasks, stop })
    }
}

/// The server of `--metrics-address`, if there is one. It ends when this is dropped.
pub(super) struct Probes {
    tasks: JoinSet<()>,
    stop: oneshot::Sender<()>,
}

impl Probes {
    /// Answers the requests in flight, and ends.
    pub(super) async fn stop(mut self) {
        let _ = self.stop.send(());
        while self.tasks.join_next().await.is_some() {}
    }
}
