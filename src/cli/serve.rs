//! `orders serve`

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::auth::AuthArgs;
use super::database::{Missing, ServedDatabaseArgs};
use super::events::EventArgs;
use super::limits::{self, LimitArgs};
use super::log::AccessLogArgs;
use super::otlp::OtlpArgs;
use super::prepare::{PrepareArgs, check_timeouts};
use super::redis::RedisArgs;
use super::retention::RetentionArgs;
use super::{CliError, Status, check, parse, print};
use crate::db::Database;
use crate::http::{self, Listener, Server};
use crate::idempotency::{self, ReplayTier, Retention, Sweeper};
use crate::telemetry::Spans;

/// Arguments of `orders serve`.
///
/// The heading of a flattened struct applies to everything after it, until the next one.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address or host name to listen on
    #[arg(long, env = "HOST", default_value = "0.0.0.0")]
    host: String,
    /// Port to listen on; 0 picks a free one
    #[arg(long, env = "PORT", default_value = "3000", value_parser = parse::port)]
    port: u16,
    /// Check the configuration and the database, then exit
    ///
    /// Changes nothing. Exits with 0 if the server would start, 1 if the schema is outdated and
    /// --no-migrate is given, 2 if the configuration or the database cannot be used.
    #[arg(long)]
    check: bool,
    #[command(flatten, next_help_heading = "Database")]
    database: ServedDatabaseArgs,
    #[command(flatten)]
    prepare: PrepareArgs,
    #[command(flatten, next_help_heading = "Idempotency keys")]
    retention: RetentionArgs,
    /// How often expired keys are swept, by one instance for all; 0s never
    #[arg(long, env = "ORDERS_SWEEP_INTERVAL", default_value = "1h", value_parser = parse::duration, value_name = "DURATION")]
    sweep_interval: Duration,
    /// Size of the in-memory replay cache, in bytes; 0 disables it
    #[arg(
        long,
        env = "ORDERS_REPLAY_CACHE",
        default_value = "8388608",
        value_parser = parse::bytes::<u64>,
        value_name = "BYTES"
    )]
    replay_cache: u64,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten, next_help_heading = "Authentication")]
    auth: AuthArgs,
    #[command(flatten, next_help_heading = "Requests and connections")]
    limits: LimitArgs,
    /// Time limit for placing an order; then 503
    #[arg(long, env = "ORDERS_REQUEST_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    request_timeout: Duration,
    /// Maximum size of a request body, in bytes; larger ones are answered 413
    #[arg(
        long,
        env = "ORDERS_BODY_MAX",
        default_value = "65536",
        value_parser = parse::bytes::<usize>,
        value_name = "BYTES"
    )]
    body_max: usize,
    /// Time limit for receiving a request body; then 408
    #[arg(long, env = "ORDERS_BODY_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    body_timeout: Duration,
    /// Maximum number of open connections; more wait until one closes
    #[arg(
        long,
        env = "ORDERS_CONNECTIONS_MAX",
        default_value = "10000",
        value_parser = parse::at_least_one::<NonZeroUsize>,
        value_name = "NUMBER"
    )]
    connections_max: NonZeroUsize,
    /// Close connections after this long without a new request or response
    #[arg(long, env = "ORDERS_IDLE_TIMEOUT", default_value = "75s", value_parser = parse::duration, value_name = "DURATION")]
    idle_timeout: Duration,
    /// Time limit for requests in flight after SIGTERM or Ctrl-C
    #[arg(long, env = "ORDERS_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    shutdown_timeout: Duration,
    /// How long to serve after SIGTERM with /health already 503
    #[arg(long, env = "ORDERS_SHUTDOWN_DELAY", default_value = "0s", value_parser = parse::duration, value_name = "DURATION")]
    shutdown_delay: Duration,
    /// Maximum number of concurrent transactions on PostgreSQL; SQLite always has one
    #[arg(long, help_heading = "Batches", env = "ORDERS_LANES", default_value = "3", value_parser = parse::at_least_one::<NonZeroUsize>, value_name = "NUMBER")]
    lanes: NonZeroUsize,
    /// Maximum number of requests in one transaction
    #[arg(
        long,
        help_heading = "Batches",
        env = "ORDERS_BATCH_MAX",
        default_value = "256",
        value_parser = parse::at_least_one::<NonZeroUsize>,
        value_name = "NUMBER"
    )]
    batch_max: NonZeroUsize,
    /// Maximum number of queued requests per lane; more are answered 503
    #[arg(
        long,
        help_heading = "Batches",
        env = "ORDERS_QUEUE_MAX",
        default_value = "2048",
        value_parser = parse::at_least_one::<NonZeroUsize>,
        value_name = "NUMBER"
    )]
    queue_max: NonZeroUsize,
    #[command(flatten, next_help_heading = "Events")]
    events: EventArgs,
    #[command(flatten, next_help_heading = "Traces")]
    otlp: OtlpArgs,
    #[command(flatten)]
    pub(super) access_log: AccessLogArgs,
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot listen on {host}:{port}")]
    Listen {
        host: String,
        port: u16,
        source: std::io::Error,
    },
}

impl ServeArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        check_timeouts(&[
            ("--lock-wait", self.database.lock_wait),
            ("--transaction-timeout", self.database.transaction_timeout),
            ("--request-timeout", self.request_timeout),
        ])?;
        let retention = self.retention.retention()?;
        if self.check {
            self.http_settings()?;
            self.address().await?;
            self.events.check().await?;
            let database = self.database.connect(Missing::Refuse).await?;
            return check::database(&database, self.prepare.no_migrate).await;
        }
        let mut shutdown = pin!(http::shutdown_signal()?);
        // Each connection is a file descriptor, and the usual soft limit is 1024. If it cannot be
        // raised, further connections wait in the kernel.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        // With a handler for SIGXFSZ, writing beyond the file size limit is an error like a full disk.
        // Without one, the signal ends the process.
        let _file_size_limit = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;

        let replay_tier = self.redis.start(&retention)?;
        let relaying = self.events.prepare()?;
        // The port first: if it is taken, the schema must not change.
        let listener = self.listen().await?;
        let database = tokio::select! {
            database = self.prepare.database(&self.database) => database?,
            () = &mut shutdown => return Ok(Status::Done),
        };
        // Its last transaction is rolled back when it is dropped.
        let mut sweeping = JoinSet::new();
        if !self.sweep_interval.is_zero() {
            let sweeper = Sweeper::new(database.clone(), retention);
            sweeping.spawn(sweeper.run(self.sweep_interval));
        }
        let relaying = relaying.start(&database, self.shutdown_timeout);
        let tracing = self.otlp.start()?;
        let server = self.server(listener, database, retention, replay_tier, tracing.spans())?;
        let url = server.url();
        self.auth.warn_if_open(server.address());
        print(&format!("{url}\n"))?;
        tracing::info!(address = %server.address(), "serving, API documentation at {url}/docs");
        let ended = server.run_until(shutdown).await;
        tracing.finish().await;
        relaying.stop().await;
        ended?;
        tracing::info!("stopped");
        Ok(Status::Done)
    }

    fn http_settings(&self) -> Result<http::Settings, CliError> {
        let mut settings = http::Settings {
            body_bytes_max: self.body_max,
            body_timeout: self.body_timeout,
            connections_max: self.connections_max.get(),
            idle_timeout: self.idle_timeout,
            shutdown_timeout: self.shutdown_timeout,
            event_source: self.events.source()?,
            ..http::Settings::default()
        };
        self.auth.apply(&mut settings);
        self.limits.apply(&mut settings)?;
        Ok(settings)
    }

    fn cannot_listen(&self, source: std::io::Error) -> Error {
        Error::Listen {
            host: self.host.clone(),
            port: self.port,
            source,
        }
    }

    async fn address(&self) -> Result<SocketAddr, Error> {
        let address = http::resolve(&self.host, self.port).await;
        address.map_err(|source| self.cannot_listen(source))
    }

    async fn listen(&self) -> Result<Listener, Error> {
        let address = self.address().await?;
        Listener::bind(address).map_err(|source| self.cannot_listen(source))
    }

    fn server(
        &self,
        listener: Listener,
        database: Database,
        retention: Retention,
        replay_tier: Option<Arc<dyn ReplayTier>>,
        spans: Option<Spans>,
    ) -> Result<Server, CliError> {
        let http = http::Settings {
            spans,
            ..self.http_settings()?
        };
        limits::reload_on_hangup(&http)?;
        let executor = idempotency::Settings {
            lanes: self.lanes,
            batch_max: self.batch_max,
            queue_max: self.queue_max,
            replay_bytes_max: self.replay_cache,
            retention,
            replay_tier,
            request_timeout: self.request_timeout,
            transaction_timeout: self.database.transaction_timeout,
        };
        let server = Server::on(listener, database, http, &executor)?;
        Ok(server.with_shutdown_delay(self.shutdown_delay))
    }
}
