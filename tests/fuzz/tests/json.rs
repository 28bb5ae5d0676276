//! JSON: equal values have one canonical form, different values have different forms, and no input
//! causes a panic.

use bolero::check;
use fuzz::fingerprint::Fingerprint;
use fuzz::json::{InvalidJson, Json};
use fuzz::value::{Bytes, Value};

fn spelled(value: &Value, style: &[u8]) -> String {
    let mut text = String::new();
    value.spell(&mut Bytes(style), &mut text);
    text
}

/// The canonical form of a text, and its fingerprint.
fn forms(text: &str) -> (Vec<u8>, Fingerprint) {
    let json = Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    (json.canonical(), Fingerprint::of("fuzz", &json))
}

/// Whether a value equals what `serde_json` reads from the same text. `serde_json` keeps the last
/// of two members with the same name, and rounds numbers.
fn agree(ours: &Json<'_>, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Json::Null, serde_json::Value::Null) => true,
        (Json::Bool(a), serde_json::Value::Bool(b)) => a == b,
        (Json::String(a), serde_json::Value::String(b)) => a == b,
        (Json::Number(a), serde_json::Value::Number(b)) => {
            let rounded: f64 = a.to_string().parse().expect("digits and an exponent");
            let exact = a.as_integer().zip(b.as_i64()).is_none_or(|(a, b)| a == b);
            let theirs = b.as_f64().expect("no arbitrary precision");
            exact && (rounded - theirs).abs() <= theirs.abs() * 1e-15 + f64::MIN_POSITIVE
        }
        (Json::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b))
        }
        (Json::Object(a), serde_json::Value::Object(b)) => {
            let same = |(name, value): &(_, Json<'_>)| {
                let name: &std::borrow::Cow<'_, str> = name;
                b.get(name.as_ref()).is_some_and(|b| agree(value, b))
            };
            a.len() == b.len() && a.iter().all(same)
        }
        _ => false,
    }
}

#[test]
fn any_bytes_are_json_or_an_error() {
    check!().for_each(|bytes: &[u8]| {
        judge(bytes);
        judge(&likely(bytes));
    });
}

/// Maps bytes to those that JSON consists of.
fn likely(bytes: &[u8]) -> Vec<u8> {
    const LIKELY: &[u8] = b"[[]]{{}}::,,\"\"\"\"\\uabfn0123459eE+-. ";
    let likely = bytes
        .iter()
        .map(|byte| LIKELY[usize::from(*byte) % LIKELY.len()]);
    likely.collect()
}

fn judge(text: &[u8]) {
    let theirs = serde_json::from_slice::<serde_json::Value>(text);
    match (Json::parse(text), theirs) {
        (Ok(ours), theirs) => {
            // `serde_json` refuses numbers beyond the range of f64.
            assert!(theirs.map_or(true, |theirs| agree(&ours, &theirs)));
            let canonical = ours.canonical();
            let again = Json::parse(&canonical).expect("the canonical form is JSON");
            assert_eq!(again, ours);
            assert_eq!(again.canonical(), canonical);
        }
        (Err(InvalidJson::Syntax(error)), Ok(_)) => panic!("{error}"),
        (Err(_), _) => {}
    }
}

#[test]
fn equal_values_have_one_form() {
    check!().for_each(|bytes: &[u8]| {
        let mut bytes = Bytes(bytes);
        let value = Value::read(&mut bytes, 0);
        let (a, b) = bytes.0.split_at(bytes.0.len() / 2);
        let (a, b) = (spelled(&value, a), spelled(&value, b));
        assert_eq!(forms(&a), forms(&b), "{a} and {b}");
    });
}

#[test]
fn different_values_have_different_forms() {
    check!().for_each(|bytes: &[u8]| {
        let mut bytes = Bytes(bytes);
        let (a, b) = (Value::read(&mut bytes, 0), Value::read(&mut bytes, 0));
        let (x, y) = (spelled(&a, bytes.0), spelled(&b, bytes.0));
        let ((canonical_x, print_x), (canonical_y, print_y)) = (forms(&x), forms(&y));
        assert_eq!(canonical_x == canonical_y, a == b, "{x} and {y}");
        assert_eq!(print_x == print_y, a == b, "{x} and {y}");
    });
}

/// A second member with the same name, in any spelling.
#[test]
fn a_member_twice_is_refused() {
    check!().for_each(|bytes: &[u8]| {
        let mut bytes = Bytes(bytes);
        let value = Value::read(&mut bytes, 0);
        let Value::Object(members) = &value else {
            return;
        };
        let Some((name, second)) = members.iter().next() else {
            return;
        };
        let object = spelled(&value, bytes.0);
        let extra = spelled(&Value::String(name.clone()), bytes.0);
        let second = spelled(second, bytes.0);
        let inside = object.trim_end().strip_suffix('}').unwrap();
        let twice = format!("{inside},{extra}:{second}}}");
        let error = Json::parse(twice.as_bytes()).expect_err(&twice);
        assert!(
            matches!(&error, InvalidJson::Duplicate(is) if is == name),
            "{error}: {twice}"
        );
    });
}
