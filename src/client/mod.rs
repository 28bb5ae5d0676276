//! A client that places an order exactly once.
//!
//! [`Client::place`] takes the [`Key`] from its caller, so the key exists before the first attempt,
//! and every attempt sends the same one. A caller that keeps the key across a restart, or
//! [derives](Key::derive) it again, continues where it stopped.
//!
//! ```no_run
//! use orders::client::{Client, Key, NewOrder, PlaceError};
//!
//! # async fn checkout() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://localhost:3000")?;
//! let order = NewOrder { item: "espresso beans".to_owned(), quantity: 2 };
//! let key = Key::random();
//! // Store the key here, with the order. After a restart, place it again under the same key.
//! match client.place(&key, &order).await {
//!     Ok(placed) => println!("order {}", placed.order.id),
//!     // Final: forget the key.
//!     Err(PlaceError::Refused(refusal)) => eprintln!("{refusal}"),
//!     // There may be an order. Only the same key finds out.
//!     Err(PlaceError::Unknown(unknown)) => eprintln!("{unknown}"),
//!     // The service was not reached. Place it later, under the same key.
//!     Err(PlaceError::Unavailable(reason)) => eprintln!("{reason}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A foreign client: it knows the contract, and imports nothing else of this crate. `docs/clients.md`
//! has the same loop in other languages.

mod answer;
mod key;
mod outcome;
mod place;
mod retry;
mod transport;

pub use self::key::{DeriveError, InvalidKey, Key};
pub use self::outcome::{
    Interruption, NewOrder, Order, PlaceError, Placed, Reason, Refusal, Unknown,
};
pub use self::place::{Client, Settings};
pub use self::transport::ClientError;
