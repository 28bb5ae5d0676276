//! Bind, then serve until told to stop.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use poem::Response;
use poem::endpoint::BoxEndpoint;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

use super::listener::{self, Bounded};
use super::routes;
use crate::db::Database;
use crate::idempotency::{self, Executor, Lanes};

/// What lanes that have nothing left to do may take to end.
const LANES_END: Duration = Duration::from_millis(100);

/// Bounds of the server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// The most connections at a time. More wait in the kernel.
    pub connections_max: usize,
    /// How long a connection may be silent, or take over one request.
    pub idle_timeout: Duration,
    /// How long everything may take after the signal to stop: answers to requests in flight, and
    /// what is still queued without anybody to answer.
    pub shutdown_timeout: Duration,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
    routes: BoxEndpoint<'static, Response>,
    lanes: Lanes,
    database: Database,
}

impl Server {
    /// Binds the address (port 0 for any free one) and starts the lanes.
    pub fn bind(
        address: SocketAddr,
        database: Database,
        settings: Settings,
        executor: &idempotency::Settings,
    ) -> io::Result<Self> {
        let listener = listener::bind(address)?;
        let address = listener.local_addr()?;
        let (executor, lanes) = Executor::start(&database, executor);
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready, then answers what is in flight, for as long as its bound
    /// lets it. What is left then has no answer; whether it was executed, a retry finds out.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            listener,
            settings,
            routes,
            lanes,
            database,
            ..
        } = self;
        let mut told = None;
        let shutdown = async {
            shutdown.await;
            told = Some(Instant::now());
        };
        let acceptor = Bounded::new(listener, settings.connections_max, settings.idle_timeout);
        poem::Server::new_with_acceptor(acceptor)
            .run_with_graceful_shutdown(routes, shutdown, Some(settings.shutdown_timeout))
            .await?;
        // The routes are gone and with them the executor, so the lanes end when they are empty.
        let end = told.unwrap_or_else(Instant::now) + settings.shutdown_timeout;
        let end = end.max(Instant::now() + LANES_END);
        if timeout_at(end, lanes.drained()).await.is_err() {
            tracing::warn!(
                "stopped before the last batch was committed: its requests get no answer"
            );
        }
        let _ = timeout_at(end, database.close()).await;
        Ok(())
    }
}
