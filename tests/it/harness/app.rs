//! A service under test: one database and any number of instances in this process.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use orders::http::{Server, Settings};
use orders::idempotency;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Backend, Client, TestDatabase};

/// A service with one instance running.
pub(crate) struct App {
    pub(crate) database: TestDatabase,
    pub(crate) client: Client,
    instance: Instance,
}

/// One running instance. Asked to stop when dropped.
pub(crate) struct Instance {
    pub(crate) client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<std::io::Result<()>>,
}

/// Bounds of an instance, small where a test has to wait for them.
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
            },
            executor: idempotency::Settings {
                lanes: NonZeroUsize::new(3).unwrap(),
                batch_max: NonZeroUsize::new(64).unwrap(),
                queue_max: NonZeroUsize::new(1024).unwrap(),
                replay_bytes_max: 1 << 20,
                request_timeout: Duration::from_secs(10),
                transaction_timeout: Duration::from_secs(5),
            },
        }
    }
}

impl App {
    /// Runs a test on a service of its own and asserts the promise when it is over.
    pub(crate) async fn test(backend: Backend, test: impl AsyncFnOnce(&App)) {
        let app = Self::start(backend, Bounds::default()).await;
        test(&app).await;
        app.finish().await;
    }

    pub(crate) async fn start(backend: Backend, bounds: Bounds) -> Self {
        Self::start_on(TestDatabase::create(backend).await, bounds).await
    }

    /// Starts on a database that is still empty.
    pub(crate) async fn start_on(database: TestDatabase, bounds: Bounds) -> Self {
        database.connect().await.schema().up().await.unwrap();
        let instance = Instance::start(&database, bounds).await;
        Self {
            client: instance.client.clone(),
            database,
            instance,
        }
    }

    /// Another instance of the same service.
    pub(crate) async fn another(&self) -> Instance {
        Instance::start(&self.database, Bounds::default()).await
    }

    /// Stops in order, asserts the promise and removes the database.
    pub(crate) async fn finish(self) {
        self.instance.stop().await;
        self.database.assert_promise().await;
        self.database.drop().await;
    }
}

impl Instance {
    pub(crate) async fn start(database: &TestDatabase, bounds: Bounds) -> Self {
        Self::start_on(&database.url, bounds).await
    }

    /// Starts on a database that is reached by another way.
    pub(crate) async fn start_on(url: &str, bounds: Bounds) -> Self {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let database = TestDatabase::connect_to(url).await;
        let server = Server::bind(address, database, bounds.http, &bounds.executor).unwrap();
        let client = Client::new(server.address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run_until(async {
            // Dropping the sender asks to stop as well.
            let _ = stopped.await;
        }));
        Self {
            client,
            stop: Some(stop),
            running,
        }
    }

    /// Stops in order: what is in flight is answered.
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap().unwrap();
    }
}
