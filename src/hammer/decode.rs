//! What an answer says, as far as the contract gives its parts a meaning.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::hammer::history::{Answer, Order};
use crate::hammer::wire::RawAnswer;

/// This much of a body is kept to be shown.
const SHOWN: usize = 400;

/// Decodes an answer.
pub(crate) fn answer(raw: &RawAnswer) -> Answer {
    let json: Option<Value> = serde_json::from_slice(&raw.body).ok();
    let text = String::from_utf8_lossy(&raw.body);
    Answer {
        status: raw.status,
        replayed: raw
            .header("idempotent-replayed")
            .is_some_and(|value| value.eq_ignore_ascii_case("true")),
        location: raw.header("location").map(str::to_owned),
        retry_after: raw.header("retry-after").map(str::to_owned),
        code: json
            .as_ref()
            .and_then(|body| body.get("code")?.as_str().map(str::to_owned)),
        order: json.as_ref().and_then(order),
        body: text.chars().take(SHOWN).collect(),
        bytes: digest(&raw.body),
        json: json.map(|value| digest(sorted(&value).to_string().as_bytes())),
    }
}

/// The order that a JSON value is, if it is one.
pub(crate) fn order(value: &Value) -> Option<Order> {
    let id = match value.get("id")? {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return None,
    };
    let text = |name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number_text(number),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Some(Order {
        id,
        item: text("item"),
        quantity: text("quantity"),
        oracle: String::new(),
    })
}

/// `2` for `2` and for `2.0`.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}

/// The value with all members in the order of their names.
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

/// Enough of a SHA-256 to tell bodies apart.
fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes).iter().take(12) {
        write!(text, "{byte:02x}").expect("a String takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: &str) -> Answer {
        answer(&RawAnswer {
            status: 200,
            headers: vec![("idempotent-REPLAYED".into(), "true".into())],
            body: body.as_bytes().to_vec(),
            keeps_alive: true,
        })
    }

    #[test]
    fn the_same_json_in_other_bytes_is_told_from_other_json() {
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
    fn what_is_no_order_is_not_taken_for_one() {
        for body in ["", "{}", "[]", "null", "<html>", r#"{"item":"b"}"#] {
            assert_eq!(decoded(body).order, None, "{body}");
        }
        assert_eq!(decoded(r#"{"id":7}"#).order.unwrap().id, "7");
    }
}
