//! The text of a token: `ord_<id>_<secret>`.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// Makes tokens easy to find where they must not be, for people and for secret scanners.
const PREFIX: &str = "ord_";

/// Hexadecimal digits of an id.
const ID_LENGTH: usize = 12;

/// Hexadecimal digits of a secret.
const SECRET_LENGTH: usize = 64;

/// The public part of a token, which names it in lists: 12 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(String);

impl TokenId {
    /// Reads an id. A text that is none is not repeated in an error: it could be a whole token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hexadecimal(text, ID_LENGTH).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token as its holder has it. `Debug` shows its id only.
#[derive(Clone)]
pub struct Token {
    text: String,
    id: TokenId,
}

impl Token {
    /// A new token with 244 random bits.
    #[must_use]
    pub fn random() -> Self {
        // The digits of a version 4 before its version number are all random.
        let mut id = Uuid::new_v4().simple().to_string();
        id.truncate(ID_LENGTH);
        let [first, second] = [Uuid::new_v4().simple(), Uuid::new_v4().simple()];
        Self {
            text: format!("{PREFIX}{id}_{first}{second}"),
            id: TokenId(id),
        }
    }

    /// Reads a token. `None` if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id = TokenId::parse(id)?;
        is_hexadecimal(secret, SECRET_LENGTH).then(|| Self {
            text: text.to_owned(),
            id,
        })
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &TokenId {
        &self.id
    }

    /// The token itself: a secret.
    #[must_use]
    pub fn secret_text(&self) -> &str {
        &self.text
    }

    /// What is stored instead of the token.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.text).into()
    }

    /// Whether `digest` is that of this token. The time it takes does not tell how much of it is.
    pub(super) fn has_digest(&self, digest: &[u8]) -> bool {
        self.digest()[..].ct_eq(digest).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").field(&self.id).finish()
    }
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Token::random();
        let read = Token::parse(token.secret_text()).unwrap();
        assert_eq!(read.id(), token.id());
        assert!(read.has_digest(&token.digest()));
        assert!(!read.has_digest(&Token::random().digest()));
        assert!(!read.has_digest(&token.digest()[..31]));
        assert!(!read.has_digest(&[]));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let token = Token::random();
        let secret = token.secret_text().rsplit('_').next().unwrap();
        let shown = format!("{token:?}");
        assert!(!shown.contains(secret) && shown.contains(token.id().as_str()));
    }

    #[test]
    fn what_cannot_be_a_token_is_none() {
        let text = Token::random().secret_text().to_owned();
        for wrong in [
            String::new(),
            "ord_".to_owned(),
            text[4..].to_owned(),
            text.to_uppercase(),
            format!("{text}0"),
            text[..text.len() - 1].to_owned(),
            text.replacen("ord_", "ord-", 1),
            format!("ord_{}_{}", "é".repeat(6), "0".repeat(64)),
        ] {
            assert!(Token::parse(&wrong).is_none(), "{wrong}");
        }
    }
}
