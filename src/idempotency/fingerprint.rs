//! What was asked for, as a digest.

use sha2::{Digest, Sha256};

use crate::json::Json;

/// The way fingerprints are made now. A change of the way is a new version, so that an old row is
/// never compared with a digest of another kind.
const VERSION: u8 = 1;

/// SHA-256 over the operation's name and the canonical form of the payload, led by a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 33]);

impl Fingerprint {
    /// The fingerprint of a payload for an operation.
    #[must_use]
    pub fn of(operation: &str, payload: &Json<'_>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(operation);
        // No operation's name holds a NUL, so name and payload cannot be shifted.
        hasher.update([0]);
        hasher.update(payload.canonical());
        let mut bytes = [VERSION; 33];
        bytes[1..].copy_from_slice(&hasher.finalize());
        Self(bytes)
    }

    /// The bytes to store and to compare.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
