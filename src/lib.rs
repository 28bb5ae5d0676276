//! Takes an order exactly once, and the tool that proves it.

pub mod cli;
