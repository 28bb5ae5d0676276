//! The server: bind, serve, shut down.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use poem::Response;
use poem::endpoint::BoxEndpoint;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

use super::listener::{self, LimitedListener};
use super::routes::routes;
use crate::db::Database;
use crate::idempotency::{self, Executor, Lanes};

/// The minimum time for idle lanes to end, whatever the shutdown timeout is.
const LANES_TIMEOUT_MIN: Duration = Duration::from_millis(100);

/// Limits of the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Maximum size of a request body, in bytes.
    pub body_bytes_max: usize,
    /// How long a request body may take to arrive.
    pub body_timeout: Duration,
    /// Maximum number of open connections. Further ones wait in the kernel's backlog.
    pub connections_max: usize,
    /// How long a connection may be idle, and how long one request may take.
    pub idle_timeout: Duration,
    /// How long the shutdown may take: responses to requests in flight, then the batches that are
    /// still queued.
    pub shutdown_timeout: Duration,
}

/// A server that listens, but does not accept connections yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
    routes: BoxEndpoint<'static, Response>,
    lanes: Lanes,
    database: Database,
}

impl Server {
    /// Binds the address (port 0 picks a free one) and starts the lanes.
    pub fn bind(
        address: SocketAddr,
        database: Database,
        settings: Settings,
        executor: &idempotency::Settings,
    ) -> io::Result<Self> {
        let listener = listener::bind(address)?;
        let address = listener.local_addr()?;
        let (executor, lanes) = Executor::start(&database, executor)?;
        let routes = routes(executor, database.clone(), &settings);
        Ok(Self {
            listener,
            address,
            settings,
            routes,
            lanes,
            database,
        })
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` completes, then answers the requests in flight until the shutdown
    /// timeout. Requests that are left get no response; a retry finds out whether they were
    /// executed.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            listener,
            settings,
            routes,
            lanes,
            database,
            ..
        } = self;
        let mut shutdown_began = None;
        let shutdown = async {
            shutdown.await;
            shutdown_began = Some(Instant::now());
        };
        let listener =
            LimitedListener::new(listener, settings.connections_max, settings.idle_timeout);
        poem::Server::new_with_acceptor(listener)
            .run_with_graceful_shutdown(routes, shutdown, Some(settings.shutdown_timeout))
            .await?;
        // The executor was dropped with the routes, so the lanes end once they are empty.
        let deadline = shutdown_began.unwrap_or_else(Instant::now) + settings.shutdown_timeout;
        let deadline = deadline.max(Instant::now() + LANES_TIMEOUT_MIN);
        if timeout_at(deadline, lanes.drained()).await.is_err() {
            tracing::warn!(
                "shutdown timeout: the last batch was not committed, its requests get no response"
            );
        }
        let _ = timeout_at(deadline, database.close()).await;
        Ok(())
    }
}
