//! A pool of warm connections, so that no handshake decides a race.

use std::sync::Mutex;
use std::time::Duration;

use super::reader::{ReadError, Reader};
use super::{Connection, Request, Target, WireError};
use crate::hammer::contract::RequestShape;

/// Maximum number of idle connections that are kept per instance.
const MAX_IDLE: usize = 600;

/// Idle connections to one instance, each of which has answered a request.
#[derive(Debug)]
pub(crate) struct Pool {
    target: Target,
    /// Headers of every request.
    headers: Vec<(String, String)>,
    response_timeout: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Creates an empty pool for `target`.
    pub(crate) fn new(
        target: Target,
        headers: Vec<(String, String)>,
        response_timeout: Duration,
    ) -> Self {
        Self {
            target,
            headers,
            response_timeout,
            idle: Mutex::default(),
        }
    }

    /// The instance that the connections lead to.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Builds a request of the contract.
    pub(crate) fn request(&self, shape: &RequestShape, keys: &[Vec<u8>], body: &str) -> Request {
        Request::of_contract(shape, &self.target, &self.headers, keys, body)
    }

    /// Takes a warm connection, or opens one.
    pub(crate) async fn take(&self) -> Result<Connection, WireError> {
        loop {
            let idle = self.lock().pop();
            match idle {
                Some(mut connection) => {
                    if connection.is_quiet() {
                        return Ok(connection);
                    }
                    // The server has closed it in the meantime.
                }
                None => return self.warm().await,
            }
        }
    }

    /// Puts a connection back.
    pub(crate) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// Drops all connections, as after a restart.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// A reader of the same instance, with connections of its own.
    pub(crate) fn reader(&self) -> Result<Reader, ReadError> {
        Reader::new(&self.target, &self.headers, self.response_timeout)
    }

    /// Opens a connection and gets `/health` on it, whatever the answer is: this opens the
    /// congestion window and starts the server's side of the connection.
    async fn warm(&self) -> Result<Connection, WireError> {
        let mut connection = Connection::open(&self.target, self.response_timeout).await?;
        let request = Request::get(&self.target, &self.headers, "/health");
        let answered = async {
            connection.send(&request.bytes).await?;
            connection.receive(self.response_timeout).await
        };
        let (answer, _) = answered
            .await
            .map_err(|error| WireError::Warm(Box::new(error)))?;
        if answer.keeps_alive {
            return Ok(connection);
        }
        Connection::open(&self.target, self.response_timeout).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A panic elsewhere leaves the list valid.
        self.idle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
