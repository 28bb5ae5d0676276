//! A record as a command: its key and its order, or why it has none.

use std::sync::Arc;

use rdkafka::message::{Headers, Message, OwnedMessage};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::idempotency::{
    Fingerprint, IdempotencyKey, InvalidKey, Operation, Scope, ScopedKey, Tenant,
};
use crate::json::{InvalidJson, Json};
use crate::order::{InvalidOrder, NewOrder, PlaceOrder};
use crate::telemetry::DeadLetterReason;

/// The headers that may hold the key, as in HTTP. Case does not matter.
const KEY_HEADERS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The scope of keys that are places of records. It differs from the scope of the keys that clients
/// choose, so none of them can be equal to a place.
const PLACES: &str = "place_order@kafka";

/// An order to be placed under a key.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) key: ScopedKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) operation: PlaceOrder,
}

/// Why a record can never become an order.
#[derive(Debug, thiserror::Error)]
pub enum Poison {
    /// A record without a payload: a tombstone.
    #[error("the record has no payload")]
    Empty,
    /// A payload over the limit.
    #[error("the payload has {0} bytes, the limit is {1}")]
    TooLarge(usize, usize),
    /// Not JSON, or ambiguous JSON.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// Not an order.
    #[error(transparent)]
    Order(#[from] InvalidOrder),
    /// The header breaks a rule of keys.
    #[error("Idempotency-Key is malformed: {0}")]
    Key(#[from] InvalidKey),
    /// Two headers name different keys.
    #[error("Idempotency-Key was sent more than once, with different values")]
    Keys,
    /// The key belongs to an order with another payload.
    #[error("Idempotency key reused with different request")]
    Reused,
}

impl Poison {
    /// Its reason in metrics.
    #[must_use]
    pub fn reason(&self) -> DeadLetterReason {
        match self {
            Self::Empty | Self::Json(_) | Self::Order(_) => DeadLetterReason::BodyInvalid,
            Self::TooLarge(..) => DeadLetterReason::BodyTooLarge,
            Self::Key(_) | Self::Keys => DeadLetterReason::KeyInvalid,
            Self::Reused => DeadLetterReason::KeyReused,
        }
    }

    /// The code of the same refusal in HTTP.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.reason() {
            DeadLetterReason::BodyInvalid => "BODY_INVALID",
            DeadLetterReason::BodyTooLarge => "BODY_TOO_LARGE",
            DeadLetterReason::KeyInvalid => "IDEMPOTENCY_KEY_INVALID",
            DeadLetterReason::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        }
    }
}

/// Which records are commands, and whose.
#[derive(Debug)]
pub(super) struct CommandRules {
    pub(super) bytes_max: usize,
    pub(super) tenant: Tenant,
    pub(super) event_source: Option<Arc<str>>,
}

impl CommandRules {
    pub(super) fn parse(&self, record: &OwnedMessage) -> Result<Command, Poison> {
        let key = key(record, &self.tenant)?;
        let payload = record.payload().ok_or(Poison::Empty)?;
        if payload.len() > self.bytes_max {
            return Err(Poison::TooLarge(payload.len(), self.bytes_max));
        }
        let payload = Json::parse(payload)?;
        let mut order =
            PlaceOrder::new(NewOrder::from_json(&payload)?).for_tenant(self.tenant.clone());
        if let Some(source) = &self.event_source {
            order = order.with_event(source);
        }
        Ok(Command {
            key,
            fingerprint: Fingerprint::of(PlaceOrder::NAME, &payload),
            operation: order,
        })
    }
}

/// The key in the headers, which is the same key in HTTP, or else the place of the record.
fn key(record: &OwnedMessage, tenant: &Tenant) -> Result<ScopedKey, Poison> {
    let mut found = None;
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    for header in headers {
        if !KEY_HEADERS.contains(&&*header.key.to_ascii_lowercase()) {
            continue;
        }
        // A producer that sends the header has meant a key: a blank one is an error of its own.
        let key = IdempotencyKey::parse(header.value.unwrap_or_default())?;
        if found.as_ref().is_some_and(|other| *other != key) {
            return Err(Poison::Keys);
        }
        found = Some(key);
    }
    let (operation, key) = match found {
        Some(key) => (PlaceOrder::NAME, key),
        None => (PLACES, place(record)),
    };
    Ok(ScopedKey {
        scope: Scope::of(operation, tenant),
        key,
    })
}

/// `TOPIC/PARTITION/OFFSET@TIMESTAMP`: names a record for good.
///
/// The timestamp is that of the record, in milliseconds, and does not change either. It tells
/// records apart that have the same offset because the topic was deleted and created again.
fn place(record: &OwnedMessage) -> IdempotencyKey {
    let (topic, partition) = (record.topic(), record.partition());
    let timestamp = record.timestamp().to_millis().unwrap_or_default();
    let place = format!("{partition}/{}@{timestamp}", record.offset());
    let key = format!("{topic}/{place}");
    IdempotencyKey::parse(key.as_bytes()).unwrap_or_else(|_too_long| {
        // Only the name of the topic can be so long.
        let digest = Uuid::from_slice(&Sha256::digest(topic)[..16]).unwrap_or_default();
        let key = format!("sha256:{}/{place}", digest.simple());
        IdempotencyKey::parse(key.as_bytes()).expect("short, visible ASCII")
    })
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders};

    use super::*;

    fn record(topic: &str, headers: &[(&str, Option<&str>)]) -> OwnedMessage {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |headers, &(key, value)| {
                headers.insert(Header { key, value })
            });
        OwnedMessage::new(
            Some(br#"{"item":"tea","quantity":1}"#.to_vec()),
            None,
            topic.to_owned(),
            Timestamp::CreateTime(5),
            3,
            17,
            Some(headers),
        )
    }

    #[test]
    fn a_header_names_the_key_that_http_knows() {
        for headers in [
            &[("Idempotency-Key", Some("abc"))][..],
            &[("idempotency-key", Some("\"abc\""))],
            &[("X-Idempotency-Key", Some(" abc ")), ("other", None)],
            &[
                ("Idempotency-Key", Some("abc")),
                ("x-idempotency-key", Some("abc")),
            ],
        ] {
            let key = key(&record("t", headers), &Tenant::shared()).unwrap();
            assert_eq!(
                (key.scope.as_str(), key.key.as_str()),
                ("place_order", "abc")
            );
        }
    }

    #[test]
    fn a_header_that_is_no_key_is_poison() {
        let long = "k".repeat(256);
        for headers in [
            &[("Idempotency-Key", Some(""))][..],
            &[("Idempotency-Key", None)],
            &[("Idempotency-Key", Some("a b"))],
            &[("Idempotency-Key", Some("é"))],
            &[("Idempotency-Key", Some(&*long))],
            &[
                ("Idempotency-Key", Some("a")),
                ("Idempotency-Key", Some("b")),
            ],
        ] {
            let poison = key(&record("t", headers), &Tenant::shared()).unwrap_err();
            assert_eq!(poison.code(), "IDEMPOTENCY_KEY_INVALID", "{poison}");
        }
    }

    #[test]
    fn a_record_without_the_header_is_named_by_its_place() {
        let key = key(&record("order-commands", &[]), &Tenant::shared()).unwrap();
        assert_eq!(key.key.as_str(), "order-commands/3/17@5");
        assert_ne!(key.scope, Scope::shared(PlaceOrder::NAME));
        let longest = "t".repeat(249);
        let name = place(&record(&longest, &[]));
        assert!(name.as_str().ends_with("/3/17@5"), "{name:?}");
        let other = place(&record(&longest[1..], &[]));
        assert_ne!(name, other);
    }
}
