//! Injects faults, with evidence that they landed.
//!
//! Owns the proxy that cuts, loses, duplicates and delays, and the processes that are killed and
//! stopped. A fault counts as landed only if that was observed. Knows no verdict.

mod process;
mod proxy;

pub(crate) use process::Instances;
pub use process::{Launch, ProcessError, Readiness};
pub(crate) use proxy::{Intercepted, ProxiedPath, intercept};
