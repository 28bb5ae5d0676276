//! `orders serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::database::{DatabaseArgs, Missing};
use super::{CliError, Status, print};
use crate::db::Database;
use crate::http::{self, Server};
use crate::idempotency;

/// Arguments of `orders serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The address to listen on
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    host: String,
    /// The port to listen on, 0 for any free one
    #[arg(long, env = "PORT", default_value = "3000")]
    port: u16,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Refuse to start on a schema that is not current, instead of bringing it up
    #[arg(long, env = "ORDERS_NO_MIGRATE")]
    no_migrate: bool,
    /// Transactions that are committed side by side on PostgreSQL (SQLite has one writer)
    #[arg(long, env = "ORDERS_LANES", default_value = "2", value_name = "NUMBER")]
    lanes: NonZeroUsize,
    /// The most requests in one transaction
    #[arg(
        long,
        env = "ORDERS_BATCH_MAX",
        default_value = "256",
        value_name = "NUMBER"
    )]
    batch_max: NonZeroUsize,
    /// The most requests that wait in one lane. One more is answered 503
    #[arg(
        long,
        env = "ORDERS_QUEUE_MAX",
        default_value = "2048",
        value_name = "NUMBER"
    )]
    queue_max: NonZeroUsize,
    /// Memory for stored responses that were replayed before, in bytes. 0 for none
    #[arg(
        long,
        env = "ORDERS_REPLAY_CACHE",
        default_value = "8388608",
        value_name = "BYTES"
    )]
    replay_cache: u64,
    /// How long a request may wait for its order, before it is answered 503
    #[arg(long, env = "ORDERS_REQUEST_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    request_timeout: Duration,
    /// The largest body, in bytes. A larger one is answered 413
    #[arg(
        long,
        env = "ORDERS_BODY_MAX",
        default_value = "65536",
        value_name = "BYTES"
    )]
    body_max: usize,
    /// How long a body may take to arrive, before its request is answered 408
    #[arg(long, env = "ORDERS_BODY_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    body_timeout: Duration,
    /// The most connections. More wait until one is closed
    #[arg(
        long,
        env = "ORDERS_CONNECTIONS_MAX",
        default_value = "10000",
        value_name = "NUMBER"
    )]
    connections_max: NonZeroUsize,
    /// How long a connection may be silent, or take over one request, before it is closed
    #[arg(long, env = "ORDERS_IDLE_TIMEOUT", default_value = "75s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    idle_timeout: Duration,
    /// How long requests in flight may take after SIGTERM or Ctrl-C
    #[arg(long, env = "ORDERS_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    shutdown_timeout: Duration,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{shorter} must be shorter than {longer}")]
    Order {
        shorter: &'static str,
        longer: &'static str,
    },
    #[error("cannot listen on {host}:{port}")]
    Listen {
        host: String,
        port: u16,
        source: std::io::Error,
    },
    #[error(
        "the schema is not current, and --no-migrate was given: {0} pending (orders migrate up)"
    )]
    Pending(usize),
}

impl ServeArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        self.check()?;
        let interrupted = signal(SignalKind::interrupt())?;
        let terminated = signal(SignalKind::terminate())?;
        // A connection is a file descriptor, and the usual soft limit is 1024. Where it cannot be
        // raised, connections beyond it wait in the kernel.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        // A file that meets the limit of its size is an error like a full disk, not the end.
        let _oversized = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;

        let database = self.database.connect(Missing::Create).await?;
        self.bring_up(&database).await?;
        database.check_writable().await?;
        let server = self.bind(database).await?;
        print(&format!("http://{}\n", server.address()))?;
        tracing::info!(address = %server.address(), "serving, API documentation at /docs");
        server.run_until(first_of(interrupted, terminated)).await?;
        tracing::info!("stopped");
        Ok(Status::Done)
    }

    /// A wait must end before the one around it does, or the answer is the wrong one.
    fn check(&self) -> Result<(), Error> {
        let waits = [
            ("--lock-wait", self.database.lock_wait),
            ("--transaction-timeout", self.database.transaction_timeout),
            ("--request-timeout", self.request_timeout),
        ];
        match waits.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
            Some(pair) => Err(Error::Order {
                shorter: pair[0].0,
                longer: pair[1].0,
            }),
            None => Ok(()),
        }
    }

    async fn bring_up(&self, database: &Database) -> Result<(), CliError> {
        let schema = database.schema();
        if self.no_migrate {
            return match schema.pending().await?.len() {
                0 => Ok(()),
                pending => Err(Error::Pending(pending).into()),
            };
        }
        for name in schema.up().await? {
            tracing::info!(migration = name, "applied");
        }
        Ok(())
    }

    async fn bind(&self, database: Database) -> Result<Server, CliError> {
        let listen = |source| Error::Listen {
            host: self.host.clone(),
            port: self.port,
            source,
        };
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(listen)?;
        let address: SocketAddr = found
            .next()
            .ok_or_else(|| listen(std::io::Error::other("the host has no address")))?;
        let http = http::Settings {
            body_bytes_max: self.body_max,
            body_timeout: self.body_timeout,
            connections_max: self.connections_max.get(),
            idle_timeout: self.idle_timeout,
            shutdown_timeout: self.shutdown_timeout,
        };
        let executor = idempotency::Settings {
            lanes: self.lanes,
            batch_max: self.batch_max,
            queue_max: self.queue_max,
            replay_bytes_max: self.replay_cache,
            request_timeout: self.request_timeout,
            transaction_timeout: self.database.transaction_timeout,
        };
        Ok(Server::bind(address, database, http, &executor).map_err(listen)?)
    }
}

/// The first signal asks for an orderly end; a second one does not wait for it.
async fn first_of(
    mut interrupted: tokio::signal::unix::Signal,
    mut terminated: tokio::signal::unix::Signal,
) {
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    tracing::info!("stopping: answering what is in flight");
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        tracing::warn!("stopped at once by a second signal");
        #[expect(
            clippy::exit,
            reason = "the user does not want to wait for the orderly end"
        )]
        std::process::exit(130);
    });
}
