//! Sends what the workload planned and records what comes back.
//!
//! Owns the one send loop: a case runs round by round; the attempts of a round are prepared up to
//! their gates and released at the same instant. Guarantees that everything sent is in the
//! history and that nothing is sent twice. Knows no rule of the contract and no verdict.

mod client;
mod drain;
mod round;
mod timing;

pub(crate) use client::Client;
pub(crate) use round::Runner;
