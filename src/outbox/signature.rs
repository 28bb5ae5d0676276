//! Signatures of webhooks, as Standard Webhooks specifies them
//! (<https://www.standardwebhooks.com>).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// The secrets do not have the form of the specification. They are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {PREFIX} and 24 to 64 bytes in Base64; several secrets separated by spaces")]
pub struct InvalidSecret;

/// Secrets that sign webhooks: more than one while a secret is exchanged for another.
#[derive(Clone)]
pub struct Secrets(Vec<Hmac<Sha256>>);

impl std::str::FromStr for Secrets {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let secrets = text.split_whitespace().map(secret);
        let secrets = secrets.collect::<Option<Vec<_>>>().unwrap_or_default();
        if secrets.is_empty() {
            return Err(InvalidSecret);
        }
        Ok(Self(secrets))
    }
}

fn secret(text: &str) -> Option<Hmac<Sha256>> {
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let key = (24..=64).contains(&bytes.len()).then_some(bytes)?;
    Hmac::new_from_slice(&key).ok()
}

impl Secrets {
    /// The value of `webhook-signature`: one signature for each secret.
    pub(super) fn sign(&self, id: Uuid, timestamp: u64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        let sign = |secret: &Hmac<Sha256>| {
            let mac = secret.clone().chain_update(head.as_bytes());
            let signature = mac.chain_update(body).finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(signature))
        };
        let signatures: Vec<_> = self.0.iter().map(sign).collect();
        signatures.join(" ")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_base64_of_the_length_of_the_specification() {
        let encode = |length| format!("whsec_{}", STANDARD.encode(vec![1; length]));
        for (length, usable) in [(23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(
                encode(length).parse::<Secrets>().is_ok(),
                usable,
                "{length}"
            );
        }
        for wrong in [
            "",
            " ",
            "whsec_",
            "whsec_!",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        ] {
            assert_eq!(wrong.parse::<Secrets>().unwrap_err(), InvalidSecret);
        }
        let two = format!("{} {}", encode(24), encode(32));
        assert_eq!(
            format!("{:?}", two.parse::<Secrets>().unwrap()),
            "Secrets(2)"
        );
    }
}
