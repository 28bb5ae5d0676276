//! Idempotency keys and the scopes they belong to.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Tenant;

/// The longest key, in characters.
pub(super) const KEY_LENGTH_MAX: usize = 255;

/// A key that a client chose: 1 to 255 visible ASCII characters, case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Empty, white space only, or an empty quoted string.
    #[error("the key is blank")]
    Blank,
    /// More than 255 characters.
    #[error("the key has {0} characters, the limit is {KEY_LENGTH_MAX}")]
    TooLong(usize),
    /// A space, a control character or something beyond ASCII.
    #[error("the key may contain visible ASCII characters only (0x21 to 0x7E)")]
    NotVisibleAscii,
    /// A Structured-Field string that is malformed.
    #[error(
        "a key that begins with a double quote must be a Structured-Field string (RFC 8941): \
         closed by a double quote, with \\\" and \\\\ as the only escapes"
    )]
    Quoting,
}

impl IdempotencyKey {
    /// Reads the value of a header. A Structured-Field string (`"abc"`, as in the IETF draft
    /// *The Idempotency-Key HTTP Header Field*, after RFC 8941 §3.3.3) and the bare `abc` are the
    /// same key.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidKey> {
        let value = value.trim_ascii();
        let key = match value {
            [b'"', quoted @ ..] => unquote(quoted)?,
            bare => Cow::Borrowed(bare),
        };
        if key.is_empty() {
            return Err(InvalidKey::Blank);
        }
        if !key.iter().all(u8::is_ascii_graphic) {
            return Err(InvalidKey::NotVisibleAscii);
        }
        if key.len() > KEY_LENGTH_MAX {
            return Err(InvalidKey::TooLong(key.len()));
        }
        Ok(Self(key.iter().copied().map(char::from).collect()))
    }

    /// The key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Resolves the escapes of a quoted string, given what follows the opening quote.
fn unquote(quoted: &[u8]) -> Result<Cow<'_, [u8]>, InvalidKey> {
    let mut key = Vec::with_capacity(quoted.len());
    let mut rest = quoted.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'"' if rest.next().is_none() => return Ok(Cow::Owned(key)),
            b'"' => return Err(InvalidKey::Quoting),
            b'\\' => match rest.next() {
                Some(escaped @ (b'"' | b'\\')) => key.push(escaped),
                _ => return Err(InvalidKey::Quoting),
            },
            other => key.push(other),
        }
    }
    Err(InvalidKey::Quoting)
}

/// The namespace of a key: the same key in two scopes is two keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Cow<'static, str>);

impl Scope {
    /// The scope of an operation, shared by all clients.
    #[must_use]
    pub const fn shared(operation: &'static str) -> Self {
        Self(Cow::Borrowed(operation))
    }

    /// The scope of an operation and a tenant. That of the shared tenant is [`Scope::shared`].
    #[must_use]
    pub fn of(operation: &'static str, tenant: &Tenant) -> Self {
        if tenant.is_shared() {
            Self::shared(operation)
        } else {
            // A tenant contains no space, so no two pairs have the same scope.
            Self(Cow::Owned(format!("{operation} {tenant}")))
        }
    }

    /// The part of this scope that belongs to an owner, such as a user: the same key of two owners
    /// is two keys.
    #[must_use]
    pub fn within(&self, owner: &str) -> Self {
        // Neither an operation nor a tenant contains a line break, so no two pairs have the
        // same scope.
        Self(Cow::Owned(format!("{}\n{owner}", self.0)))
    }

    /// The scope as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key within its scope: identifies a stored answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopedKey {
    /// The scope.
    pub scope: Scope,
    /// The key.
    pub key: IdempotencyKey,
}

impl ScopedKey {
    /// 128 bits of SHA-256 over scope, NUL and key: the primary key of the stored row. Never
    /// changes.
    #[must_use]
    pub fn digest(&self) -> Uuid {
        let digest = Sha256::new()
            .chain_update(self.scope.as_str())
            // Neither contains a NUL, so no two pairs have the same bytes.
            .chain_update([0])
            .chain_update(self.key.as_str())
            .finalize();
        Uuid::from_bytes(std::array::from_fn(|index| digest[index]))
    }
}
