//! Keys that a client makes.

use std::fmt::{self, Write};
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The longest key, in characters.
const LENGTH_MAX: usize = 255;

/// Separates the parts of a derived key. No encoded part contains it.
const SEPARATOR: char = ':';

/// Begins the digest of a name that is too long. No encoded part contains it.
const DIGEST: char = '=';

/// Hexadecimal digits of SHA-256.
const DIGEST_LENGTH: usize = 64;

/// An idempotency key: names one thing that the caller means to do once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is 1 to {LENGTH_MAX} visible ASCII characters, and does not begin with a quote")]
pub struct InvalidKey;

/// Why no key can be derived from these parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// There are no parts.
    #[error("a derived key needs at least one part")]
    NoParts,
    /// A part is empty: the variable that should fill it is probably not set, and the key would be
    /// the same for everybody.
    #[error("part {0} is empty")]
    EmptyPart(usize),
}

impl Key {
    /// A new key: a random UUID (version 4), which nobody can guess.
    ///
    /// Store it before the first attempt if the caller may be restarted.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The key that names an intent, such as `create-order:user123:cart456:20251210`.
    ///
    /// The same parts are always the same key, and different parts are different keys: each part is
    /// percent-encoded except for letters, digits and `-._~`, and the parts are joined with `:`. A
    /// name of more than 255 characters is cut, and `=` and its SHA-256 appended.
    ///
    /// Good for:
    ///
    /// - a double click or a second tab: both requests carry the same key;
    /// - a caller without storage: after a restart it derives the same key again.
    ///
    /// Not good for:
    ///
    /// - a second order of the same kind on purpose: a part must tell the two apart;
    /// - a name whose payload changes: the service refuses another payload under the same key;
    /// - a secret: everybody who knows the parts knows the key;
    /// - an intent that outlives the retention of the service: it forgets the key then.
    ///
    /// ```
    /// # use orders::client::Key;
    /// let key = Key::derive(["create-order", "user123", "cart456", "20251210"])?;
    /// assert_eq!(key.as_str(), "create-order:user123:cart456:20251210");
    /// # Ok::<(), orders::client::DeriveError>(())
    /// ```
    pub fn derive<P: AsRef<str>>(parts: impl IntoIterator<Item = P>) -> Result<Self, DeriveError> {
        let mut name = String::new();
        for (index, part) in parts.into_iter().enumerate() {
            if part.as_ref().is_empty() {
                return Err(DeriveError::EmptyPart(index + 1));
            }
            if index > 0 {
                name.push(SEPARATOR);
            }
            encode(part.as_ref(), &mut name);
        }
        if name.is_empty() {
            return Err(DeriveError::NoParts);
        }
        if name.len() > LENGTH_MAX {
            let digest = Sha256::digest(&name);
            // Encoded text is ASCII, so it can be cut anywhere.
            name.truncate(LENGTH_MAX - DIGEST_LENGTH - DIGEST.len_utf8());
            name.push(DIGEST);
            for byte in digest {
                push_hex(&mut name, byte, false);
            }
        }
        Ok(Self(name))
    }

    /// The key itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    /// A key that was stored, or chosen by the caller.
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        // A service reads a value that begins with a quote as a Structured-Field string.
        if !visible || text.starts_with('"') || !(1..=LENGTH_MAX).contains(&text.len()) {
            return Err(InvalidKey);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(part: &str, name: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                name.push(char::from(byte));
            }
            other => {
                name.push('%');
                push_hex(name, other, true);
            }
        }
    }
}

fn push_hex(text: &mut String, byte: u8, upper: bool) {
    // Writing to a string cannot fail.
    let _ = if upper {
        write!(text, "{byte:02X}")
    } else {
        write!(text, "{byte:02x}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derive(parts: &[&str]) -> String {
        Key::derive(parts).unwrap().0
    }

    #[test]
    fn random_keys_differ_and_are_keys() {
        let (one, other) = (Key::random(), Key::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one));
    }

    #[test]
    fn parts_that_differ_are_keys_that_differ() {
        let long = "x".repeat(300);
        let parts: &[&[&str]] = &[
            &["a", "b"],
            &["a:b"],
            &["ab"],
            &["a", "b", "c"],
            &["a:b", "c"],
            &["a", "b:c"],
            &["a%3Ab"],
            &["A", "b"],
            &["a ", "b"],
            &["é"],
            &["e\u{301}"],
            &[&long],
            &[&long, "a"],
            &[&long[1..]],
            &[&long[..255]],
            &[&derive(&[&long])],
        ];
        let keys: std::collections::BTreeSet<String> =
            parts.iter().map(|parts| derive(parts)).collect();
        assert_eq!(keys.len(), parts.len());
        for key in keys {
            assert!(key.parse::<Key>().is_ok(), "{key}");
        }
    }

    #[test]
    fn the_encoding_never_changes() {
        assert_eq!(
            derive(&["create-order", "user 1", "a/b:c", "€"]),
            "create-order:user%201:a%2Fb%3Ac:%E2%82%AC"
        );
        let long = derive(&["intent", &"x".repeat(300)]);
        assert_eq!(long.len(), 255);
        assert!(long.starts_with("intent:xxx"), "{long}");
        assert!(
            long.ends_with("x=2703ff8d4587a20d41242e55abcc7dee8b8cc3f4e362ee1d8f2a46c58e9ea396"),
            "{long}"
        );
    }

    #[test]
    fn an_empty_part_is_refused() {
        assert_eq!(Key::derive([] as [&str; 0]), Err(DeriveError::NoParts));
        assert_eq!(Key::derive([""]), Err(DeriveError::EmptyPart(1)));
        assert_eq!(Key::derive(["a", ""]), Err(DeriveError::EmptyPart(2)));
    }

    #[test]
    fn other_texts_are_not_keys() {
        for text in ["", "a b", "\"a\"", "é", "a\n", &"x".repeat(256)] {
            assert_eq!(text.parse::<Key>(), Err(InvalidKey), "{text:?}");
        }
    }
}
