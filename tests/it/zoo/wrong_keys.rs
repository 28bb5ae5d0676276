//! Servers with wrong keys.

use super::{CORRECT, Species};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "folded-keys",
        wrong: "the key column ignores case",
        key: str::to_lowercase,
        ..CORRECT
    },
    Species {
        name: "truncated-keys",
        wrong: "the key column has 64 characters",
        key: |key| key.chars().take(64).collect(),
        ..CORRECT
    },
    Species {
        name: "truncated-long-keys",
        wrong: "the key column has 128 characters",
        key: |key| key.chars().take(128).collect(),
        ..CORRECT
    },
    Species {
        name: "hashed-keys",
        wrong: "the key is hashed to 16 bits",
        key: |key| {
            let hash = key.bytes().fold(7_u32, |hash, byte| {
                (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
            });
            (hash >> 16).to_string()
        },
        ..CORRECT
    },
    Species {
        name: "wildcard-keys",
        wrong: "looks up the key with LIKE, where _ matches any character",
        key: |key| {
            let end = key.len().saturating_sub(2);
            key.char_indices()
                .map(|(place, letter)| {
                    if place == end && "_%x*".contains(letter) {
                        '_'
                    } else {
                        letter
                    }
                })
                .collect()
        },
        ..CORRECT
    },
    Species {
        name: "payload-is-the-key",
        wrong: "two orders with equal payloads are taken for duplicates",
        place: |mut call| {
            call.key.clone_from(&call.fingerprint);
            super::good::wait_and_replay(call)
        },
        ..CORRECT
    },
    Species {
        name: "key-not-required",
        wrong: "accepts an order without a key",
        keyless: true,
        ..CORRECT
    },
];
