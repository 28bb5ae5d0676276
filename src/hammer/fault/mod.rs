//! What goes wrong on purpose, with the evidence that it did.
//!
//! Owns the proxy that cuts, loses, doubles and delays, and the processes that are killed and
//! stopped. Promises that a fault is only called landed when that was seen. Knows no verdict.

mod process;
mod proxy;

pub(crate) use process::Instances;
pub use process::{Launch, ProcessError};
pub(crate) use proxy::{Intercepted, intercept, name, needs_proxy};
