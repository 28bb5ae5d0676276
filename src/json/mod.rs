//! JSON values without loss, and their canonical form.
//!
//! `serde_json` checks the syntax. This module keeps what `serde_json::Value` loses and a
//! fingerprint needs: numbers beyond `f64`, and members that occur twice. The canonical form has
//! the effect of RFC 8785 (order of members, white space, escapes and the spelling of numbers do
//! not matter), except that numbers are exact.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

mod number;

pub use self::number::Number;

/// How deep arrays and objects may be nested.
pub const DEPTH_MAX: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number of any size.
    Number(Number),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, its members sorted by name.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why a text is not accepted as JSON.
#[derive(Debug, thiserror::Error)]
pub enum InvalidJson {
    /// Not JSON (RFC 8259).
    #[error("the body is not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Two members of one object have this name, so the value is ambiguous.
    #[error("the member \"{0}\" occurs twice")]
    Duplicate(String),
    /// More than [`DEPTH_MAX`] levels.
    #[error("the body is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// A number whose exponent does not fit 64 bits.
    #[error("the exponent of a number is out of range")]
    Exponent,
}

impl<'a> Json<'a> {
    /// Parses a complete text.
    pub fn parse(text: &'a [u8]) -> Result<Self, InvalidJson> {
        Self::from_raw(serde_json::from_slice(text)?, 0)
    }

    /// Looks up a member of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let index = members
            .binary_search_by(|(member, _)| member.as_ref().cmp(name))
            .ok()?;
        Some(&members[index].1)
    }

    /// Names the type of the value for an error message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The canonical form: equal values have equal bytes, different ones have different bytes.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.write_canonical(&mut out)
            .expect("a Vec takes every write");
        out
    }

    fn write_canonical(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(value) => write!(out, "{value}")?,
            Self::Number(number) => write!(out, "{number}")?,
            Self::String(text) => serde_json::to_writer(out, text)?,
            Self::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write_canonical(out)?;
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    serde_json::to_writer(&mut *out, name)?;
                    out.push(b':');
                    value.write_canonical(out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    /// `serde_json` has checked the syntax of `raw`, so the first byte tells the type.
    fn from_raw(raw: &'a RawValue, depth: usize) -> Result<Self, InvalidJson> {
        if depth > DEPTH_MAX {
            return Err(InvalidJson::TooDeep);
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(serde_json::from_str::<Text<'_>>(text)?.0),
            Some(b'[') => {
                let items = serde_json::from_str::<Items<'_>>(text)?.0.into_iter();
                Self::Array(
                    items
                        .map(|item| Self::from_raw(item, depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            Some(b'{') => Self::object(serde_json::from_str::<Members<'_>>(text)?.0, depth)?,
            _ => Self::Number(Number::parse(text).ok_or(InvalidJson::Exponent)?),
        })
    }

    fn object(members: Vec<(Text<'a>, &'a RawValue)>, depth: usize) -> Result<Self, InvalidJson> {
        let mut sorted = Vec::with_capacity(members.len());
        for (name, value) in members {
            sorted.push((name.0, Self::from_raw(value, depth + 1)?));
        }
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(InvalidJson::Duplicate(pair[0].0.clone().into_owned())),
            None => Ok(Self::Object(sorted)),
        }
    }
}

/// A string, borrowed from the text where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The items of an array, unread.
struct Items<'a>(Vec<&'a RawValue>);

/// The members of an object in the order of the text, unread.
struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(Json::parse(text.as_bytes()).unwrap().canonical()).unwrap()
    }

    #[test]
    fn spelling_does_not_matter() {
        let forms = [
            r#"{"item":"a/é","quantity":2}"#,
            r#" { "quantity" : 2.0 , "item" : "a\/\u00e9" } "#,
            "{\n\"item\":\"\\u0061/é\",\"quantity\":20e-1}",
        ];
        for form in forms {
            assert_eq!(canonical(form), canonical(forms[0]), "{form}");
        }
    }

    #[test]
    fn what_differs_stays_different() {
        let values = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "10",
            "-1",
            "\"1\"",
            "\"\"",
            "[]",
            "[1]",
            "[1,0]",
            "[10]",
            "[[1]]",
            "{}",
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"b":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":1,"b":1}"#,
            "9007199254740992",
            "9007199254740993",
            "1e400",
            r#""a\",\"b""#,
            r#"["a","b"]"#,
        ];
        for (index, a) in values.iter().enumerate() {
            for b in &values[index + 1..] {
                assert_ne!(canonical(a), canonical(b), "{a} and {b}");
            }
        }
    }

    #[test]
    fn a_member_twice_is_refused_also_when_escaped_or_nested() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"b":{"a":1,"a":2}}]"#,
        ] {
            let error = Json::parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(&error, InvalidJson::Duplicate(name) if name == "a"),
                "{error}"
            );
        }
    }

    #[test]
    fn deep_nesting_is_refused_before_it_costs_anything() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(deep(DEPTH_MAX).as_bytes()).is_ok());
        for levels in [DEPTH_MAX + 2, 30_000] {
            assert!(Json::parse(deep(levels).as_bytes()).is_err(), "{levels}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "{]",
            "nul",
            "01",
            "1.",
            "+1",
            "'a'",
            "\"\\ud800\"",
            "[1,]",
            "{}x",
            "NaN",
        ] {
            assert!(
                matches!(Json::parse(text.as_bytes()), Err(InvalidJson::Syntax(_))),
                "{text}"
            );
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
        assert!(Json::parse(b"\xef\xbb\xbf{}").is_err());
    }

    /// Any JSON value, as `serde_json` has them.
    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same value with the members of every object the other way round.
    fn reversed(value: &serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Array(items) => items.iter().map(reversed).collect(),
            serde_json::Value::Object(members) => serde_json::Value::Object(
                members
                    .iter()
                    .rev()
                    .map(|(name, value)| (name.clone(), reversed(value)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn equal_values_and_only_they_have_equal_forms(a in value(), b in value()) {
            let pretty = serde_json::to_string_pretty(&reversed(&a)).unwrap();
            prop_assert_eq!(canonical(&a.to_string()), canonical(&pretty));
            prop_assert_eq!(canonical(&a.to_string()) == canonical(&b.to_string()), a == b);
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Json::parse(&text);
        }

        #[test]
        fn no_text_of_json_characters_makes_it_panic(text in r#"[\[\]{}:,"\\0-9eE+.\-a-fu ]{0,80}"#) {
            let _ = Json::parse(text.as_bytes());
        }
    }
}
