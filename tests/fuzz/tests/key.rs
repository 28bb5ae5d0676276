//! Keys, compared with a second implementation of the contract's rules.

use bolero::check;
use fuzz::key::{IdempotencyKey, InvalidKey};

/// The key in a header value, by the rules of the contract.
fn expected(value: &[u8]) -> Option<String> {
    let is_space = |byte: &u8| b" \t\n\x0c\r".contains(byte);
    let start = value.iter().position(|byte| !is_space(byte))?;
    let end = value.iter().rposition(|byte| !is_space(byte))?;
    let value = &value[start..=end];
    let text: String = value.iter().map(|byte| char::from(*byte)).collect();
    let key = match text.strip_prefix('"') {
        None => text,
        Some(quoted) => {
            let inside = quoted.strip_suffix('"')?;
            // A backslash or quote that is left after the valid escapes is invalid.
            let resolved = inside.replace("\\\\", "\u{1}").replace("\\\"", "\u{2}");
            if resolved.contains(['\\', '"']) || inside.contains(['\u{1}', '\u{2}']) {
                return None;
            }
            resolved.replace('\u{1}', "\\").replace('\u{2}', "\"")
        }
    };
    let visible = key
        .chars()
        .all(|character| ('!'..='~').contains(&character));
    (visible && (1..=255).contains(&key.len())).then_some(key)
}

#[test]
fn any_bytes_are_a_key_or_an_error() {
    check!().for_each(|bytes: &[u8]| {
        judge(bytes);
        judge(&likely(bytes));
    });
}

/// Maps bytes to those that the rules mention, half of the time between quotes. Most others make
/// a key invalid at once.
fn likely(bytes: &[u8]) -> Vec<u8> {
    const LIKELY: &[u8] = b"\"\"\\\\\\ab!~z \t\n\x7f\x00\xff";
    let quoted = bytes.first().is_some_and(|first| first % 2 == 1);
    let quote = if quoted { &b"\""[..] } else { b"" };
    let inside = bytes
        .iter()
        .map(|byte| LIKELY[usize::from(*byte) % LIKELY.len()]);
    quote
        .iter()
        .copied()
        .chain(inside)
        .chain(quote.iter().copied())
        .collect()
}

fn judge(value: &[u8]) {
    let parsed = IdempotencyKey::parse(value);
    let key = parsed.as_ref().ok().map(|key| key.as_str().to_owned());
    assert_eq!(key, expected(value), "{value:?}: {parsed:?}");

    let blank = |value: &[u8]| value.iter().all(u8::is_ascii_whitespace);
    if blank(value) {
        assert_eq!(parsed, Err(InvalidKey::Blank));
    }
}

#[test]
fn spellings_of_a_key_are_one_key() {
    check!().for_each(|value: &[u8]| {
        let Ok(key) =
            IdempotencyKey::parse(value).or_else(|_| IdempotencyKey::parse(&likely(value)))
        else {
            return;
        };
        let same =
            |value: &str| assert_eq!(IdempotencyKey::parse(value.as_bytes()), Ok(key.clone()));
        let bare = key.as_str();
        let escaped = bare.replace('\\', "\\\\").replace('"', "\\\"");
        same(&format!("\"{escaped}\""));
        same(&format!(" \t\"{escaped}\" "));
        if !bare.starts_with('"') {
            same(bare);
            same(&format!("\t {bare} "));
        }
    });
}
