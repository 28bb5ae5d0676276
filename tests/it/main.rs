//! One binary for all tests through the front door: real servers, real databases.

#![allow(
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking"
)]

mod batch;
mod contract;
mod crash;
mod hammer;
mod harness;
mod instances;
mod lost_commit;
mod race;
mod shutdown;
mod startup;
mod zoo;
