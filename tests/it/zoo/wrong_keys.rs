//! Wrong about what a key is.

use super::{CORRECT, Species};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "folded-keys",
        wrong: "the key's column ignores case",
        key: str::to_lowercase,
        ..CORRECT
    },
    Species {
        name: "truncated-keys",
        wrong: "the key's column has 64 characters",
        key: |key| key.chars().take(64).collect(),
        ..CORRECT
    },
    Species {
        name: "truncated-long-keys",
        wrong: "the key's column has 128 characters",
        key: |key| key.chars().take(128).collect(),
        ..CORRECT
    },
    Species {
        name: "hashed-keys",
        wrong: "the key is a hash of 16 bits",
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
        wrong: "looks the key up with LIKE, where _ is any character",
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
        wrong: "two orders with the same payload are taken for duplicates",
        place: |mut call| {
            call.key.clone_from(&call.fingerprint);
            super::good::wait_and_replay(call)
        },
        ..CORRECT
    },
    Species {
        name: "key-not-required",
        wrong: "takes an order without a key",
        keyless: true,
        ..CORRECT
    },
];
