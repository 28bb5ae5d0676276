//! What reads hostile input, compiled from the sources of the product by themselves: the fuzzer
//! builds in seconds, and the coverage that guides it is theirs alone.
//!
//! `cargo test` feeds the targets in `tests/` with random inputs; `tests/fuzz/run SECONDS` lets
//! libFuzzer search.

#[path = "../../../src/idempotency/fingerprint.rs"]
pub mod fingerprint;
#[path = "../../../src/json/mod.rs"]
pub mod json;
#[path = "../../../src/idempotency/key.rs"]
pub mod key;

pub mod value;

// The sources' own tests come with them, and need libFuzzer's runtime where it is searching.
#[cfg(test)]
use bolero as _;
