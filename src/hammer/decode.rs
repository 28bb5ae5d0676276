//! Decodes answers into the parts that a contract gives a meaning.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::contract::ResponseShape;
use super::history::Answer;
use super::wire::RawAnswer;

/// How many characters of a body are kept for reports.
const SHOWN: usize = 400;

/// Decodes an answer.
pub(crate) fn answer(raw: &RawAnswer, contract: &ResponseShape) -> Answer {
    let json: Option<Value> = serde_json::from_slice(&raw.body).ok();
    let text = String::from_utf8_lossy(&raw.body);
    Answer {
        status: raw.status,
        replayed: contract.mark().is_some_and(|(name, value)| {
            let found = raw.header(name);
            found.is_some_and(|found| found.trim().eq_ignore_ascii_case(value))
        }),
        location: raw.header("location").map(str::to_owned),
        retry_after: raw.header("retry-after").map(str::to_owned),
        code: json
            .as_ref()
            .and_then(|body| body.get("code")?.as_str().map(str::to_owned)),
        order: json.as_ref().and_then(|body| contract.order(body)),
        body: text.chars().take(SHOWN).collect(),
        bytes: digest(&raw.body),
        json: json.as_ref().map(json_digest),
    }
}

/// Digest of a JSON value, independent of member order and white space.
pub(crate) fn json_digest(value: &Value) -> String {
    digest(sorted(value).to_string().as_bytes())
}

/// Sorts all members by name.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let members = names
                .into_iter()
                .map(|name| (name.clone(), sorted(&members[name])));
            Value::Object(members.collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The first 12 bytes of the SHA-256: enough to tell bodies apart.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes).iter().take(12) {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hammer::contract::Contract;

    fn decoded(body: &str) -> Answer {
        let raw = RawAnswer {
            status: 200,
            headers: vec![("idempotent-REPLAYED".into(), "true".into())],
            body: body.as_bytes().to_vec(),
            keeps_alive: true,
        };
        answer(&raw, &Contract::of_orders().response)
    }

    #[test]
    fn equal_json_in_different_bytes_has_an_equal_digest() {
        let one = decoded(r#"{"id":"a","item":"b","quantity":2}"#);
        let spaced = decoded(r#"{ "item":"b", "id":"a","quantity":2}"#);
        let other = decoded(r#"{"id":"a","item":"b","quantity":3}"#);
        assert!(one.replayed);
        assert_ne!(one.bytes, spaced.bytes);
        assert_eq!(one.json, spaced.json);
        assert_ne!(one.json, other.json);
        assert_eq!(one.order.unwrap().quantity, "2");
    }

    #[test]
    fn only_an_object_with_an_id_is_an_order() {
        for body in ["", "{}", "[]", "null", "<html>", r#"{"item":"b"}"#] {
            assert_eq!(decoded(body).order, None, "{body}");
        }
        assert_eq!(decoded(r#"{"id":7}"#).order.unwrap().id, "7");
    }
}
