//! What logs call a request.

use std::fmt;
use std::sync::Arc;

/// The longest request id, in bytes.
const LENGTH_MAX: usize = 128;

/// What logs call a request: 1 to 128 visible ASCII characters.
///
/// A key keeps that of the request that was executed under it, so that a replay can name it. It
/// decides nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id in `bytes`, if it is one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let is_valid =
            (1..=LENGTH_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_valid)?;
        Some(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({})", self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn an_id_is_short_and_visible() {
        let longest = "r".repeat(128);
        for valid in ["7f9c", "a/b:c=d;e", &longest] {
            assert_eq!(RequestId::parse(valid.as_bytes()).unwrap().as_str(), valid);
        }
        let too_long = "r".repeat(129);
        for invalid in ["", "a b", "a\tb", "é", &too_long] {
            assert_eq!(RequestId::parse(invalid.as_bytes()), None, "{invalid}");
        }
    }
}
