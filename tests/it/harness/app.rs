//! A service under test: one database, and instances in the process of the test.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use orders::http::{Server, Settings};
use orders::idempotency;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Backend, Client, TestDatabase};

/// A service with one running instance.
pub(crate) struct App {
    pub(crate) database: TestDatabase,
    pub(crate) client: Client,
    instance: Instance,
    events: bool,
}

/// A running instance. Dropping it starts its shutdown.
pub(crate) struct Instance {
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
}

/// The limits and timeouts of an instance. The defaults are small where a test waits for them.
#[derive(Clone)]
pub(crate) struct Bounds {
    pub(crate) http: Settings,
    pub(crate) executor: idempotency::Settings,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            http: Settings {
                body_bytes_max: 65_536,
                body_timeout: Duration::from_secs(1),
                connections_max: 2_000,
                idle_timeout: Duration::from_secs(30),
                shutdown_timeout: Duration::from_secs(5),
                ..Settings::default()
            },
            executor: idempotency::Settings {
                lanes: NonZeroUsize::new(3).unwrap(),
                batch_max: NonZeroUsize::new(64).unwrap(),
                queue_max: NonZeroUsize::new(1024).unwrap(),
                replay_bytes_max: 1 << 20,
                retention: idempotency::Retention::default(),
                replay_tier: None,
                request_timeout: Duration::from_secs(10),
                transaction_timeout: Duration::from_secs(5),
            },
        }
    }
}

impl Bounds {
    /// The defaults with a change.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut bounds = Self::default();
        change(&mut bounds);
        bounds
    }

    /// The defaults with events, which no relay publishes.
    pub(crate) fn with_events() -> Self {
        Self::with(|bounds| bounds.http.event_source = Some("/test".into()))
    }

    /// The defaults with one lane: requests that wait for it are one batch.
    pub(crate) fn one_lane() -> Self {
        Self::with(|bounds| bounds.executor.lanes = NonZeroUsize::MIN)
    }
}

impl App {
    /// Runs a test on a service of its own, and asserts the promise at the end.
    pub(crate) async fn test(backend: Backend, bounds: Bounds, test: impl AsyncFnOnce(&App)) {
        let app = Self::start(backend, bounds).await;
        test(&app).await;
        app.finish().await;
    }

    pub(crate) async fn start(backend: Backend, bounds: Bounds) -> Self {
        Self::start_on(TestDatabase::create(backend).await, bounds).await
    }

    /// Starts on an empty database.
    pub(crate) async fn start_on(database: TestDatabase, bounds: Bounds) -> Self {
        database.migrate().await;
        let events = bounds.http.event_source.is_some();
        let instance = Instance::start(&database, bounds).await;
        Self {
            events,
            client: instance.client.clone(),
            database,
            instance,
        }
    }

    /// Starts another instance of the same service.
    pub(crate) async fn another(&self) -> Instance {
        self.another_with(Bounds::default()).await
    }

    /// [`App::another`] with these limits.
    pub(crate) async fn another_with(&self, bounds: Bounds) -> Instance {
        Instance::start(&self.database, bounds).await
    }

    /// Stops, asserts the promise and removes the database.
    pub(crate) async fn finish(self) {
        self.instance.stop().await;
        if self.events {
            self.database.assert_events().await;
        }
        self.database.finish().await;
    }
}

impl Instance {
    pub(crate) async fn start(database: &TestDatabase, bounds: Bounds) -> Self {
        Self::start_on(&database.url, bounds).await
    }

    /// Starts on a database URL, such as that of a proxy.
    pub(crate) async fn start_on(url: &str, bounds: Bounds) -> Self {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let database = TestDatabase::connect_to(url).await;
        let server = Server::bind(address, database, bounds.http, &bounds.executor).unwrap();
        let client = Client::new(server.address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run_until(async {
            // An error says that the sender was dropped, which asks for the same.
            let _ = stopped.await;
        }));
        Self {
            client,
            stop: Some(stop),
            running,
        }
    }

    /// Shuts down gracefully: requests in flight are answered.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap().unwrap();
    }
}
