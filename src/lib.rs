//! Takes an order exactly once, and the tool that proves it.

pub mod cli;
pub mod db;
pub mod hammer;
pub mod http;
pub mod idempotency;
pub mod order;
