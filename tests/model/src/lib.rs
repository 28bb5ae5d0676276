//! The batch protocol as a model, every state of it visited.
//!
//! The product's tests meet some interleavings of requests, instances and failures; this model
//! meets all of them, for small numbers. It follows `src/idempotency` line by line: [`batch`],
//! [`commit`], [`lane`] and [`executor`] are named after the files they are a model of, and so are
//! their functions. [`database`] is what they run on: locks, snapshots and transactions as the two
//! databases have them. [`promise`] says what must hold in every state.
//!
//! A [`Mutation`] breaks one step of the protocol on purpose, to show that the model would notice.
//!
//! `docs/model.md` says what is left out and what was found.

pub mod action;
pub mod batch;
pub mod case;
pub mod cases;
pub mod commit;
pub mod database;
pub mod executor;
pub mod lane;
pub mod mutation;
pub mod promise;
pub mod state;
pub mod termination;

pub use self::case::{Asks, Case, Engine};
pub use self::mutation::{Mutation, Protocol};
