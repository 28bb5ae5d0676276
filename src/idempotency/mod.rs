//! At most one effect per key.
//!
//! An [`Operation`] is executed under an [`IdempotencyKey`] within a [`Scope`]. The
//! [`Executor`] queues it in a *lane*; the lane commits everything that waits as one transaction
//! (group commit), key row first, and answers all of it:
//!
//! - the first request of a key **creates**: its effect and its response are stored together;
//! - another with the same [`Fingerprint`] **replays** the stored response, byte for byte;
//! - another with a different fingerprint is refused: the key is **reused**.
//!
//! There is no in-progress state: until COMMIT nothing exists, afterwards everything does. A crash
//! is a rollback.
//!
//! Knows neither orders nor HTTP.

mod batch;
mod commit;
mod executor;
mod failpoint;
mod fingerprint;
pub mod json;
mod key;
mod lane;
mod number;
mod operation;
mod replay;

pub use self::executor::{Executor, Lanes, Settings};
pub use self::fingerprint::Fingerprint;
pub use self::key::{IdempotencyKey, InvalidKey, Scope, ScopedKey};
pub use self::operation::{Effect, Error, Operation, Outcome, StoredResponse};
