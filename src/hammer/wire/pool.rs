//! Warm connections, so that a race is not decided by a handshake.

use std::sync::Mutex;
use std::time::Duration;

use super::{Connection, RawAnswer, Request, Target, WireError};

/// More idle connections than this per instance are closed.
const MOST_IDLE: usize = 600;

/// Idle connections of one instance. Each has answered at least one request.
#[derive(Debug)]
pub(crate) struct Pool {
    target: Target,
    /// Sent with every request.
    extra: Vec<(String, String)>,
    patience: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// An empty pool of `target`.
    pub(crate) fn new(target: Target, extra: Vec<(String, String)>, patience: Duration) -> Self {
        Self {
            target,
            extra,
            patience,
            idle: Mutex::default(),
        }
    }

    /// Where it leads.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// An order for this target.
    pub(crate) fn post(&self, keys: &[Vec<u8>], body: &str) -> Request {
        Request::post(&self.target, &self.extra, keys, body)
    }

    /// A connection that is warm and silent.
    pub(crate) async fn take(&self) -> Result<Connection, WireError> {
        loop {
            let idle = self.lock().pop();
            match idle {
                Some(connection) if connection.is_quiet() => return Ok(connection),
                // The server has hung up in the meantime, as it may.
                Some(_) => {}
                None => return self.warm().await,
            }
        }
    }

    /// Keeps `connection` for later.
    pub(crate) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }

    /// Forgets all connections, as after a restart.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Asks for `path`, on a connection of its own or a warm one.
    pub(crate) async fn get(&self, path: &str) -> Result<RawAnswer, WireError> {
        let mut connection = self.take().await?;
        let answer = self.ask(&mut connection, path).await?;
        if answer.keeps_alive {
            self.put(connection);
        }
        Ok(answer)
    }

    /// Connects and asks for the health, whatever the answer is, to open the congestion window
    /// and to have the server's side of the connection at work.
    async fn warm(&self) -> Result<Connection, WireError> {
        let mut connection = Connection::open(self.target.address, self.patience).await?;
        let answer = self.ask(&mut connection, "/health").await?;
        if answer.keeps_alive {
            return Ok(connection);
        }
        Connection::open(self.target.address, self.patience).await
    }

    async fn ask(&self, connection: &mut Connection, path: &str) -> Result<RawAnswer, WireError> {
        let request = Request::get(&self.target, &self.extra, path);
        connection.send(&request.bytes).await?;
        let (answer, _) = connection.receive(self.patience).await?;
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A panic elsewhere leaves the list as good as it was.
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
