//! The parsers of hostile input, compiled from the sources of the product without the rest of it.
//! This builds in seconds, and libFuzzer sees the coverage of the parsers only.
//!
//! `cargo test` runs the targets in `tests/` on random inputs, `tests/fuzz/run SECONDS` runs them
//! under libFuzzer.

#[path = "../../../src/idempotency/fingerprint.rs"]
pub mod fingerprint;
#[path = "../../../src/json/mod.rs"]
pub mod json;
#[path = "../../../src/idempotency/key.rs"]
pub mod key;
#[path = "../../../src/idempotency/tenant.rs"]
pub mod tenant;

pub mod value;

pub use tenant::Tenant;

// The unit tests of the sources are compiled too, and under libFuzzer they need its runtime.
#[cfg(test)]
use bolero as _;
