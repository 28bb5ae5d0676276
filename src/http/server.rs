//! The server: bind, serve, shut down.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, IntoEndpoint, Response};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::auth::Auth;
use super::cors::{CorsOrigin, WithCors};
use super::gzip::WithCompression;
use super::limits::{HeaderLimits, WithHeaderLimits};
use super::listener::{self, LimitedListener};
use super::middleware::{WithProblems, WithRequestId};
use super::rate::RateLimit;
use super::request::BodyLimits;
use super::routes::{probes, routes};
use super::tls::Tls;
use crate::db::Database;
use crate::idempotency::{self, Executor, Lanes};
use crate::telemetry::Spans;

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
    /// Maximum number of headers of a request. hyper reads at most 100.
    pub header_count_max: usize,
    /// Maximum size of the names and values of all headers, in bytes.
    pub header_bytes_max: usize,
    /// How long the head of a request may take to arrive after its first byte, and how long a TLS
    /// handshake may take.
    pub header_timeout: Duration,
    /// How clients of the order service are authenticated.
    pub auth: Auth,
    /// Whether `/metrics` needs no admin token. With [`Auth::Off`] and [`Auth::Header`] it never
    /// does.
    pub open_metrics: bool,
    /// Requests per second of each tenant.
    pub rate_limit: Option<RateLimit>,
    /// Origins whose pages may use the API.
    pub cors_origins: Vec<CorsOrigin>,
    /// The certificate, unless the server speaks plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Where the spans of sampled traces go.
    pub spans: Option<Spans>,
    /// The source of the events of orders, a URI reference; `None` for no events.
    pub event_source: Option<Arc<str>>,
}

impl Default for Settings {
    /// The defaults of `orders serve`.
    fn default() -> Self {
        let body = BodyLimits::default();
        Self {
            body_bytes_max: body.bytes_max,
            body_timeout: body.timeout,
            connections_max: 10_000,
            idle_timeout: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(10),
            header_count_max: 64,
            header_bytes_max: 16 * 1024,
            header_timeout: Duration::from_secs(10),
            auth: Auth::Off,
            open_metrics: false,
            rate_limit: None,
            cors_origins: Vec::new(),
            tls: None,
            spans: None,
            event_source: None,
        }
    }
}

/// A server that listens, but does not accept connections yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: Settings,
    routes: BoxEndpoint<'static, Response>,
    lanes: Vec<Lanes>,
    database: Database,
    draining: Draining,
    shutdown_delay: Duration,
}

/// Whether the server is shutting down. Clones share it.
pub(super) type Draining = Arc<AtomicBool>;

/// A socket that listens. Connections wait in the kernel until a server accepts them.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds an address; port 0 picks a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        listener::bind(address).map(Self)
    }
}

impl Server {
    /// Binds the address of the order service (port 0 picks a free one) and starts its lanes.
    pub fn bind(
        address: SocketAddr,
        database: Database,
        settings: Settings,
        executor: &idempotency::Settings,
    ) -> io::Result<Self> {
        Self::on(Listener::bind(address)?, database, settings, executor)
    }

    /// [`Server::bind`] with an address that is bound already.
    pub fn on(
        listener: Listener,
        database: Database,
        settings: Settings,
        executor: &idempotency::Settings,
    ) -> io::Result<Self> {
        let (executor, lanes) = Executor::start(&database, executor)?;
        let draining = Draining::default();
        let routes = routes(executor, &database, Arc::clone(&draining), &settings);
        let mut server = Self::assemble(listener, database, settings, routes, vec![lanes])?;
        server.draining = draining;
        Ok(server)
    }

    /// A server of `/metrics`, `/livez` and `/health` alone, for a process without an API.
    pub fn of_probes(listener: Listener, database: Database) -> io::Result<Self> {
        let draining = Draining::default();
        let routes = probes(&database, Arc::clone(&draining));
        let mut server =
            Self::assemble(listener, database, Settings::default(), routes, Vec::new())?;
        server.draining = draining;
        Ok(server)
    }

    /// Binds the address of another service. `lanes` are those of all executors in `routes`.
    pub fn with_routes(
        address: SocketAddr,
        database: Database,
        settings: Settings,
        routes: impl IntoEndpoint<Endpoint: 'static>,
        lanes: Vec<Lanes>,
    ) -> io::Result<Self> {
        let listener = Listener::bind(address)?;
        Self::assemble(listener, database, settings, routes, lanes)
    }

    fn assemble(
        Listener(listener): Listener,
        database: Database,
        settings: Settings,
        routes: impl IntoEndpoint<Endpoint: 'static>,
        lanes: Vec<Lanes>,
    ) -> io::Result<Self> {
        let routes = WithHeaderLimits {
            limits: HeaderLimits {
                count_max: settings.header_count_max,
                bytes_max: settings.header_bytes_max,
            },
            inner: WithCompression(routes.into_endpoint()),
        };
        let routes = WithCors {
            origins: settings.cors_origins.clone(),
            inner: WithProblems(routes),
        };
        let routes = WithRequestId {
            // Boxed within, too: the future of a request has kilobytes, and is moved on each level.
            inner: routes.boxed(),
            spans: settings.spans.clone(),
        };
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            settings,
            routes: routes.boxed(),
            lanes,
            database,
            draining: Draining::default(),
            shutdown_delay: Duration::ZERO,
        })
    }

    /// Serves for so long after the beginning of a shutdown, with `/health` already 503: a load
    /// balancer needs time to notice.
    #[must_use]
    pub fn with_shutdown_delay(self, delay: Duration) -> Self {
        Self {
            shutdown_delay: delay,
            ..self
        }
    }

    /// The address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the server for a client on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.settings.tls {
            Some(_) => "https",
            None => "http",
        };
        url(scheme, self.address)
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
            draining,
            shutdown_delay,
            ..
        } = self;
        let mut shutdown_began = None;
        let shutdown = async {
            shutdown.await;
            draining.store(true, Ordering::Relaxed);
            tokio::time::sleep(shutdown_delay).await;
            shutdown_began = Some(Instant::now());
        };
        let listener = LimitedListener::new(listener, &settings);
        poem::Server::new_with_acceptor(listener)
            .run_with_graceful_shutdown(routes, shutdown, Some(settings.shutdown_timeout))
            .await?;
        // The executors were dropped with the routes, so the lanes end once they are empty.
        let drained = async {
            for lanes in lanes {
                lanes.drained().await;
            }
        };
        let deadline = shutdown_began.unwrap_or_else(Instant::now) + settings.shutdown_timeout;
        let deadline = deadline.max(Instant::now() + LANES_TIMEOUT_MIN);
        if timeout_at(deadline, drained).await.is_err() {
            tracing::warn!(
                "shutdown timeout: the last batch was not committed, its requests get no response"
            );
        }
        let _ = timeout_at(deadline, database.close()).await;
        Ok(())
    }
}

/// Looks up the address to bind for a host name or an IP address.
pub async fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let mut found = tokio::net::lookup_host((host, port)).await?;
    found
        .next()
        .ok_or_else(|| io::Error::other("the host name has no address"))
}

fn url(scheme: &str, address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

/// Completes at the first Ctrl-C or SIGTERM after the call. A second one ends the process at once.
pub fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("shutting down, finishing requests in flight");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::warn!("second signal, exiting at once");
            #[expect(
                clippy::exit,
                reason = "the user does not want to wait for the shutdown"
            )]
            std::process::exit(130);
        });
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_url_can_be_opened_in_a_browser() {
        for (address, url) in [
            ("0.0.0.0:3000", "http://localhost:3000"),
            ("[::]:3000", "http://localhost:3000"),
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("[::1]:80", "http://[::1]:80"),
        ] {
            assert_eq!(super::url("http", address.parse().unwrap()), url);
        }
    }
}
