//! At most one effect per key.
//!
//! An [`Operation`] is executed under an [`IdempotencyKey`] within a [`Scope`]. The [`Executor`]
//! queues the request in a *lane*. The lane commits everything that waits as one transaction
//! (group commit), keys first, and answers every request:
//!
//! - the first request of a key **creates**: its effect and its answer are stored together;
//! - another with the same [`Fingerprint`] **replays** the stored answer, byte for byte;
//! - another with a different fingerprint is refused: the key is **reused**.
//!
//! After its [`Retention`] the answer is swept and the key remembered, so that a late retry is
//! refused: the answer is **expired**. Later the key is new.
//!
//! There is no in-progress state: before COMMIT nothing exists, after it everything does. A crash
//! is a rollback.
//!
//! This module knows neither orders nor HTTP.

mod apply;
pub mod batch;
mod commit;
mod executor;
mod find;
mod fingerprint;
mod key;
mod lane;
mod operation;
mod pending;
mod replay;
mod request_id;
mod retention;
mod sweep;
mod tenant;
mod tier;

pub use self::executor::{Executor, Lanes, Settings};
pub use self::find::{FoundKey, find};
pub use self::fingerprint::Fingerprint;
pub use self::key::{IdempotencyKey, InvalidKey, Scope, ScopedKey};
pub use self::operation::{
    Answer, BatchTimes, Error, Execution, Operation, Outcome, Source, StoredAnswer,
};
pub use self::request_id::RequestId;
pub use self::retention::Retention;
pub use self::sweep::{SweepError, Sweeper, Swept};
pub use self::tenant::{InvalidTenant, Tenant};
pub use self::tier::ReplayTier;
