//! Redis as the replay tier that instances share.
//!
//! Every command has a time limit. A command that fails or is late gives up the connection: from then
//! on nothing waits for Redis, until a task beside the requests has connected anew (a circuit
//! breaker).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::chain::Chain;
use crate::idempotency::ReplayTier;

/// Time limit for connecting, beside the requests.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The pause before connecting again. It doubles each time, so that a Redis that is slow again and
/// again costs little.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// The longest pause, and how long a connection must last for the first pause to be the shortest.
const PAUSE_MAX: Duration = Duration::from_secs(16);

/// Bounds of the tier.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long a command may take.
    pub timeout: Duration,
    /// How long an entry lives. Shorter than the retention of keys.
    pub lifetime: Duration,
}

/// The URL does not name a Redis. It is not repeated, because it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "invalid Redis URL, expected redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS"
)]
pub struct InvalidRedisUrl;

/// A Redis, whether it is there or not.
#[derive(Debug)]
pub struct Redis {
    link: Arc<Link>,
    settings: Settings,
    /// Ends with the tier.
    _keeper: JoinSet<()>,
}

/// The connection. `None` while the circuit is open.
struct Link {
    connection: RwLock<Option<MultiplexedConnection>>,
    broken: Notify,
}

impl Redis {
    /// Begins to connect, in a task of the present runtime.
    pub fn start(url: &str, settings: Settings) -> Result<Self, InvalidRedisUrl> {
        let info = url.into_connection_info().map_err(|_| InvalidRedisUrl)?;
        // An error says that there is a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(info).map_err(|_| InvalidRedisUrl)?;
        let link = Arc::new(Link {
            connection: RwLock::default(),
            broken: Notify::new(),
        });
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(Arc::clone(&link), client, settings.timeout));
        Ok(Self {
            link,
            settings,
            _keeper: keeper,
        })
    }

    /// Runs a command within the time limit. Without a connection there is no result at once.
    async fn run<T>(
        &self,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Option<T> {
        let mut connection = self.link.connection()?;
        let failure =
            match tokio::time::timeout(self.settings.timeout, command(&mut connection)).await {
                Ok(Ok(result)) => return Some(result),
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => format!("no answer within {:?}", self.settings.timeout),
            };
        self.link.give_up(&failure);
        None
    }
}

impl ReplayTier for Redis {
    fn get(&self, names: Vec<String>) -> BoxFuture<'_, Vec<Option<Bytes>>> {
        Box::pin(async move {
            let values = self.run(async |connection| {
                let mut command = redis::cmd("MGET");
                command.arg(names);
                command
                    .query_async::<Vec<Option<Vec<u8>>>>(connection)
                    .await
            });
            let values = values.await.unwrap_or_default();
            values
                .into_iter()
                .map(|value| value.map(Bytes::from))
                .collect()
        })
    }

    fn put(&self, entries: Vec<(String, Vec<u8>)>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let lifetime = u64::try_from(self.settings.lifetime.as_millis()).unwrap_or(u64::MAX);
            let stored = self.run(async |connection| {
                let mut commands = redis::pipe();
                for (name, value) in entries {
                    commands
                        .cmd("SET")
                        .arg(name)
                        .arg(value)
                        .arg("PX")
                        .arg(lifetime)
                        .ignore();
                }
                commands.query_async::<()>(connection).await
            });
            // If it is not stored, the next request of the key asks the database.
            let _ = stored.await;
        })
    }
}

impl Link {
    fn connection(&self) -> Option<MultiplexedConnection> {
        let connection = self.connection.read();
        connection.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether there was a connection before.
    fn replace(&self, connection: Option<MultiplexedConnection>) -> bool {
        let held = self.connection.write();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, connection).is_some()
    }

    /// Opens the circuit. The first to notice logs it.
    fn give_up(&self, failure: &str) {
        if self.replace(None) {
            tracing::warn!("Redis unavailable, replays come from the database: {failure}");
            self.broken.notify_one();
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Connects, and again whenever the connection was given up.
async fn keep(link: Arc<Link>, client: Client, timeout: Duration) {
    let mut pause = PAUSE_MIN;
    let mut logged = false;
    loop {
        match connect(&client, timeout).await {
            Ok(connection) => {
                logged = false;
                tracing::info!("Redis available");
                link.replace(Some(connection));
                let since = Instant::now();
                link.broken.notified().await;
                if since.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut logged, true) {
                    tracing::warn!(error = %Chain(&error), "cannot connect to Redis");
                }
            }
        }
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Connects, and proves that the answers are within the time limit of a command.
async fn connect(client: &Client, timeout: Duration) -> Result<MultiplexedConnection, RedisError> {
    // The library would give up a command after half a second, whatever its time limit here is.
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(None);
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    let ping = redis::cmd("PING");
    let ping = ping.query_async::<()>(&mut connection);
    match tokio::time::timeout(timeout, ping).await {
        Ok(answered) => answered.map(|()| connection),
        Err(elapsed) => Err(std::io::Error::from(elapsed).into()),
    }
}
