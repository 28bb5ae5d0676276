//! Integration tests: real servers on real databases, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stderr,
    reason = "a failed test prints the URL of its database"
)]

mod architecture;
mod batch;
mod cancel;
mod cli;
mod client;
mod connections;
mod consume;
mod contract;
mod crash;
mod crash_points;
mod deployment;
mod documentation;
mod events;
mod examples;
mod exchange;
mod hammer;
mod harness;
mod instances;
mod kafka;
mod limits;
mod lost_commit;
mod observe;
mod openapi;
mod overload;
mod parse;
mod race;
mod redis;
mod retention;
mod sqlite;
mod startup;
mod survive;
mod tenants;
mod upgrade;
mod wire;
mod zoo;
