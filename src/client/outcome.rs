//! What is asked for, and how it can end.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// What is ordered.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Id of the order.
    pub id: String,
    /// What was ordered.
    pub item: String,
    /// How many.
    pub quantity: u32,
}

/// The order of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Whether the answer was a replay: an earlier attempt placed the order.
    pub replayed: bool,
    /// Attempts of this call.
    pub attempts: u32,
}

/// No order is known to be placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The service refused the request. Another attempt would end the same.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// An attempt may have placed the order, and nothing tells whether it did. Place it again with
    /// the **same** key: that returns its order, or places it.
    #[error("unknown outcome: {0}")]
    Unknown(Unknown),
    /// No attempt of this call can have placed the order. Place it again with the same key, because
    /// an earlier call may have sent it.
    #[error("service unavailable: {0}")]
    Unavailable(Interruption),
}

/// The answer of a service that refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable name of the reason, if the service gives one.
    pub code: Option<String>,
    /// The reason, for people.
    pub message: String,
    /// For [`Reason::Expired`]: path of the order that was placed under the key.
    pub location: Option<String>,
}

/// Why a request was refused, as far as callers act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The key belongs to a request with another payload. This one placed nothing.
    Reused,
    /// An order was placed under the key, so long ago that the answer is not stored any more.
    /// [`Refusal::location`] has it.
    Expired,
    /// The request is invalid, or not allowed.
    Request,
}

/// An outcome that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// How the last attempt ended.
    pub last: Interruption,
    /// Attempts of this call.
    pub attempts: u32,
}

/// How an attempt ended that is neither placed nor refused for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Interruption {
    /// No connection, so nothing was sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection ended before there was a complete answer.
    #[error("no answer: {0}")]
    Lost(String),
    /// The answer is not one of the contract.
    #[error("not an answer of the service: status {status}")]
    Foreign {
        /// HTTP status.
        status: u16,
    },
    /// The service asks for another attempt later.
    #[error("{answer}{}", after(*.retry_after))]
    Later {
        /// The answer.
        answer: Refusal,
        /// The wait that it asks for.
        retry_after: Option<Duration>,
    },
    /// The service refused an attempt in a way that says nothing of those before it, such as an
    /// expired token.
    #[error("{0}")]
    Refused(Refusal),
}

fn after(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!(" (retry after {} s)", wait.as_secs())
    })
}

impl Refusal {
    /// Why the request was refused.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self.code.as_deref() {
            Some("IDEMPOTENCY_KEY_REUSED") => Reason::Reused,
            Some("IDEMPOTENCY_KEY_EXPIRED") => Reason::Expired,
            _ => Reason::Request,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.location {
            Some(location) => write!(f, " ({location})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { last, attempts } = self;
        write!(f, "after {attempts} attempts, the last: {last}")
    }
}
