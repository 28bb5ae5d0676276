//! Requests and key rows.

use orders::idempotency::batch;

/// An idempotency key.
pub type Key = u8;

/// What a client asks for. Stands for its fingerprint, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payload {
    /// An order whose response is known before the transaction.
    Tea,
    /// Another such order.
    Coffee,
    /// An order whose response only the operation knows.
    Numbered,
    /// An order that the operation accepts or refuses, each time it is applied.
    Scarce,
    /// An order that the database rejects.
    Poison,
}

/// What an operation answers a winner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Response {
    /// The order is placed.
    Accepted,
    /// There is no order and never will be under this key.
    Refused,
}

/// ID of what a request would create. No other request has the same, so it names the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The client that sent the request.
    pub client: u8,
    /// The client's attempt, from 0.
    pub attempt: u8,
}

/// One request in a lane. A model of `Pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The key that it claims.
    pub key: Key,
    /// What it asks for.
    pub payload: Payload,
    /// What it would create.
    pub resource: Resource,
}

/// A key row. A model of `KeyRow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The primary key.
    pub key: Key,
    /// The payload of the request that inserted the row.
    pub payload: Payload,
    /// The ID that this request chose.
    pub resource: Resource,
    /// The stored response. `None` until it is known.
    pub response: Option<Response>,
    /// Whether the answer has expired: the row is a tombstone.
    pub expired: bool,
}

impl Payload {
    /// The response as far as it is known before the transaction.
    #[must_use]
    pub const fn early_response(self) -> Option<Response> {
        match self {
            Self::Numbered => None,
            Self::Tea | Self::Coffee | Self::Scarce | Self::Poison => Some(Response::Accepted),
        }
    }
}

impl Request {
    /// The row that claims the key.
    #[must_use]
    pub const fn row(&self) -> Row {
        Row {
            key: self.key,
            payload: self.payload,
            resource: self.resource,
            response: self.payload.early_response(),
            expired: false,
        }
    }
}

impl batch::Request for Request {
    type Key = Key;
    type Row = Row;

    fn key(&self) -> &Key {
        &self.key
    }

    fn inserted(&self, row: &Row) -> bool {
        row.resource == self.resource
    }

    fn has_expired(row: &Row) -> bool {
        row.expired
    }

    fn matches(&self, row: &Row) -> bool {
        !row.expired && row.payload == self.payload
    }

    fn repeats(&self, other: &Self) -> bool {
        other.payload == self.payload
    }
}
