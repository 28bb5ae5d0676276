//! Values in JSON documents, as text.

use serde_json::{Number, Value};

/// A scalar value as text; `2` for both `2` and `2.0`.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number_text(number),
        other => other.to_string(),
    }
}

/// The text of a value that can be an identity.
pub(super) fn identity(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}
