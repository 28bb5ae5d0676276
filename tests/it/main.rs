//! One binary for all tests through the front door: real servers, real databases.

#![allow(
    clippy::unwrap_used,
    reason = "tests say what they expect by panicking"
)]
#![allow(
    clippy::print_stderr,
    reason = "a failed test says where its database is"
)]

mod architecture;
mod batch;
mod cancel;
mod cli;
mod connections;
mod contract;
mod crash;
mod crash_points;
mod hammer;
mod harness;
mod instances;
mod lost_commit;
mod openapi;
mod overload;
mod race;
mod sqlite;
mod startup;
mod wire;
mod zoo;
