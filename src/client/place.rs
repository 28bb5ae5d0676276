//! The loop: one key, many attempts, one outcome.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::answer::Attempt;
use super::key::Key;
use super::outcome::{Interruption, NewOrder, PlaceError, Placed, Unknown};
use super::retry::Backoff;
use super::transport::{ClientError, Transport};

/// Time limits of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long [`Client::place`] may take, with all attempts.
    pub deadline: Duration,
    /// How long one attempt may take. Longer than the time limit of the service, or every slow
    /// answer is lost.
    pub attempt_timeout: Duration,
    /// Ceiling of the pause after the first attempt. It doubles with each further one.
    pub pause_first: Duration,
    /// Ceiling of every pause, unless the service asks for a longer one.
    pub pause_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(1),
            attempt_timeout: Duration::from_secs(15),
            pause_first: Duration::from_millis(100),
            pause_max: Duration::from_secs(5),
        }
    }
}

/// Places orders at one service. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    settings: Settings,
}

impl Client {
    /// A client with the default time limits.
    ///
    /// `url` is where the service is, such as `http://localhost:3000`.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Self::with(url, Settings::default())
    }

    /// A client with these time limits.
    pub fn with(url: &str, settings: Settings) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::new(url)?,
            settings,
        })
    }

    /// Sends `Authorization: Bearer` with this token.
    pub fn authorized(mut self, token: &str) -> Result<Self, ClientError> {
        self.transport.authorize(token)?;
        Ok(self)
    }

    /// Places an order under a key, or returns the one that was placed under it before.
    ///
    /// Sends the same request until it is placed or refused, or the deadline has passed. If the
    /// returned future is dropped, the outcome is unknown: place the order again with the same key.
    pub async fn place(&self, key: &Key, order: &NewOrder) -> Result<Placed, PlaceError> {
        let deadline = Instant::now() + self.settings.deadline;
        let body = serde_json::to_vec(order).expect("a string and a number are always JSON");
        let body = Bytes::from(body);
        let mut attempts = 0;
        let mut in_doubt = false;
        loop {
            attempts += 1;
            let time_left = deadline.saturating_duration_since(Instant::now());
            let timeout = self.settings.attempt_timeout.min(time_left);
            let last = match self.transport.attempt(key, body.clone(), timeout).await {
                Attempt::Placed { order, replayed } => {
                    return Ok(Placed {
                        order,
                        replayed,
                        attempts,
                    });
                }
                Attempt::Refused(refusal) if in_doubt && !refusal.settles_earlier_attempts() => {
                    let last = Interruption::Refused(refusal);
                    return Err(PlaceError::Unknown(Unknown { last, attempts }));
                }
                Attempt::Refused(refusal) => return Err(PlaceError::Refused(refusal)),
                Attempt::Interrupted(interruption) => interruption,
            };
            in_doubt |= last.is_in_doubt();
            let pause = self.pause(attempts, &last);
            if pause >= deadline.saturating_duration_since(Instant::now()) {
                return Err(if in_doubt {
                    PlaceError::Unknown(Unknown { last, attempts })
                } else {
                    PlaceError::Unavailable(last)
                });
            }
            tracing::info!(%key, attempt = attempts, ?pause, "retrying: {last}");
            sleep(pause).await;
        }
    }

    fn pause(&self, failures: u32, last: &Interruption) -> Duration {
        let retry_after = match last {
            Interruption::Later { retry_after, .. } => *retry_after,
            _ => None,
        };
        let backoff = Backoff {
            first: self.settings.pause_first,
            max: self.settings.pause_max,
        };
        backoff.pause(failures, retry_after)
    }
}
