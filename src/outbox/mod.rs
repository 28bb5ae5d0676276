//! Events that leave only after commit.
//!
//! An [`Operation`](crate::idempotency::Operation) writes its events with [`insert`], in its own
//! transaction: an event exists if and only if the effect does. A relay publishes them afterwards.
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

mod event;

pub use self::event::{Event, insert};
