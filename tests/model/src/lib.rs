//! Model checking of the batch protocol.
//!
//! Tests meet some interleavings of requests, instances and failures. This model meets all of
//! them, for small numbers of each.
//!
//! The decisions are the real ones: [`request`] implements [`orders::idempotency::batch::Request`]
//! for a request of a few bytes, and [`lane`] and [`executor`] call the functions of that module.
//! What surrounds the decisions is modelled: [`database`] has the locks and the visibility of the
//! two databases, [`commit`] the steps of a transaction, [`lane`] the loop of a lane without
//! channels and clock, [`executor`] clients and queues, [`fault`] the failures. [`promise`] says
//! what must hold in every state.
//!
//! A [`Mutation`] breaks one step of the modelled parts, to show that a promise detects it. The
//! script `tests/model/mutants` does the same to the real decisions.
//!
//! `docs/model.md` has the results and what is left out.

pub mod action;
pub mod case;
pub mod cases;
pub mod commit;
pub mod coverage;
pub mod database;
mod enabled;
pub mod executor;
pub mod fault;
pub mod lane;
pub mod mutation;
pub mod promise;
pub mod request;
pub mod state;
pub mod termination;
pub mod trace;

pub use self::case::{Asks, Case, Engine};
pub use self::mutation::{Mutation, Protocol};
