//! Other spellings of one JSON value.

use std::fmt::Write;

use serde_json::Value;

/// The members of every object in reverse order.
pub(super) fn reordered(value: &Value) -> String {
    fn reverse(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev();
                Value::Object(
                    members
                        .map(|(name, value)| (name.clone(), reverse(value)))
                        .collect(),
                )
            }
            Value::Array(values) => Value::Array(values.iter().map(reverse).collect()),
            other => other.clone(),
        }
    }
    reverse(value).to_string()
}

/// White space wherever JSON allows it.
pub(super) fn spaced(value: &Value) -> String {
    let mut text = String::from(" ");
    write_json(value, " \t\n ", quoted, &mut text);
    text.push('\n');
    text
}

/// Every third character of a text as `\uXXXX`.
pub(super) fn escaped(value: &Value) -> String {
    let mut text = String::new();
    write_json(value, "", with_escapes, &mut text);
    text
}

/// Every text in a value, without the names of members.
pub(super) fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn write_json(value: &Value, space: &str, quote: fn(&str) -> String, text: &mut String) {
    let (open, close) = match value {
        Value::Object(_) => ('{', '}'),
        Value::Array(_) => ('[', ']'),
        Value::String(string) => return text.push_str(&quote(string)),
        other => return text.push_str(&other.to_string()),
    };
    text.push(open);
    text.push_str(space);
    let members = value.as_object().into_iter().flatten();
    let members = members.map(|(name, value)| (Some(name), value));
    let values = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|value| (None, value));
    for (index, (name, value)) in members.chain(values).enumerate() {
        if index > 0 {
            text.extend([",", space]);
        }
        if let Some(name) = name {
            text.extend([&quote(name), space, ":", space]);
        }
        write_json(value, space, quote, text);
        text.push_str(space);
    }
    text.push(close);
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn with_escapes(text: &str) -> String {
    let mut escaped = String::from("\"");
    for (index, letter) in text.chars().enumerate() {
        let needs_escape = matches!(letter, '"' | '\\') || letter.is_control();
        if needs_escape || index.is_multiple_of(3) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                write!(escaped, "\\u{unit:04x}").expect("writing to a String cannot fail");
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped.push('"');
    escaped
}
