//! Events that leave only after commit.
//!
//! An [`Operation`](crate::idempotency::Operation) writes its events with [`insert`], in its own
//! transaction: an event exists if and only if the effect does. A [`Relay`]
//! publishes them to a [`Sink`] afterwards, at least once each.
//!
//! ```
//! use bytes::Bytes;
//! use orders::outbox::{self, Event};
//! use sea_orm::{DatabaseTransaction, DbErr};
//! use uuid::Uuid;
//!
//! // Within `Operation::apply`:
//! async fn publish(txn: &DatabaseTransaction, order: Uuid) -> Result<(), DbErr> {
//!     let data = Bytes::from(format!(r#"{{"id":"{order}"}}"#));
//!     let event = Event::new("/shop", "shop.order.placed", order, data);
//!     outbox::insert(txn, [&event]).await
//! }
//! ```

mod envelope;
mod error;
mod event;
#[cfg(feature = "kafka")]
mod kafka;
mod lag;
mod outage;
mod pause;
mod relay;
mod scan;
mod signature;
mod sink;
mod stdout;
mod table;
mod url;
mod webhook;

pub use self::error::PublishError;
pub use self::event::{Event, insert};
pub use self::lag::watch;
pub use self::relay::{Relay, RelayError};
pub use self::signature::{InvalidSecret, Secrets};
pub use self::sink::{OpenError, Sink, SinkSettings};
pub use self::url::{InvalidSinkUrl, SinkUrl};
