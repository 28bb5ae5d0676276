//! The body of a request as a template.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::spelling;
use crate::hammer::workload::{Payload, Spelling};

const MARKER: &str = "{{marker}}";
const NUMBER: &str = "{{number}}";

/// A body with places for a marker and a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Template {
    text: String,
    parts: Vec<Part>,
    /// Whether it is JSON once the places are filled.
    is_json: bool,
    /// Whether the number stands in the JSON as a number.
    number_is_bare: bool,
    /// Whether some text contains the marker and more.
    embeds_marker: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Marker,
    Number,
}

impl Template {
    /// Whether different numbers make different bodies.
    pub(crate) fn has_number(&self) -> bool {
        self.parts.contains(&Part::Number)
    }

    /// Whether a filled template is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// The body of a payload in its spelling.
    pub(crate) fn body(&self, payload: &Payload) -> String {
        let number = payload.quantity.to_string();
        let plain = || self.fill(&payload.item, &number);
        let respelled = |write: fn(&Value) -> String| {
            let plain = plain();
            serde_json::from_str(&plain).map_or(plain, |value| write(&value))
        };
        match payload.spelling {
            Spelling::Reordered if self.is_json => respelled(spelling::reordered),
            Spelling::Spaced if self.is_json => respelled(spelling::spaced),
            Spelling::Escaped if self.is_json => respelled(spelling::escaped),
            Spelling::Decimal if self.number_is_bare => {
                self.fill(&payload.item, &format!("{number}.0"))
            }
            Spelling::Broken if self.number_is_bare => self.fill(&payload.item, "\"several\""),
            Spelling::Broken => {
                let mut body = plain();
                body.pop();
                body
            }
            _ => plain(),
        }
    }

    /// Every text that a service may keep or repeat for the marker of a payload: the marker
    /// itself, and the texts of the body that contain it.
    pub(crate) fn marker_texts(&self, payload: &Payload) -> Vec<String> {
        let mut texts = vec![payload.item.clone()];
        if self.embeds_marker {
            texts.extend(self.texts_with(payload, &payload.item));
        }
        texts
    }

    /// Every text that a service may repeat for the number of a payload.
    pub(crate) fn number_texts(&self, payload: &Payload) -> Vec<String> {
        let number = payload.quantity.to_string();
        let mut texts = Vec::new();
        if !self.number_is_bare {
            texts.extend(self.texts_with(payload, &number));
        }
        texts.push(number);
        texts
    }

    fn texts_with(&self, payload: &Payload, part: &str) -> Vec<String> {
        let body = self.fill(&payload.item, &payload.quantity.to_string());
        let mut texts = Vec::new();
        if let Ok(body) = serde_json::from_str(&body) {
            spelling::texts(&body, &mut texts);
        }
        texts.retain(|text| text.contains(part) && text != part);
        texts
    }

    fn fill(&self, marker: &str, number: &str) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Marker => marker,
            Part::Number => number,
        });
        parts.collect()
    }
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut template = Self {
            parts: parts(&text)?,
            text,
            is_json: false,
            number_is_bare: false,
            embeds_marker: false,
        };
        if !template.parts.contains(&Part::Marker) {
            return Err(format!(
                "expected {MARKER} in the body: it attributes what is stored to a key"
            ));
        }
        let parsed = |marker, number| {
            let body = template.fill(marker, number);
            serde_json::from_str::<Value>(&body).ok()
        };
        let (plain, worded) = (parsed("marker", "7"), parsed("marker", "\"several\""));
        let mut texts = Vec::new();
        if let Some(plain) = &plain {
            spelling::texts(plain, &mut texts);
        }
        template.is_json = plain.is_some();
        template.number_is_bare = template.has_number() && worded.is_some();
        let embedding = |text: &String| text.contains("marker") && text != "marker";
        template.embeds_marker = texts.iter().any(embedding);
        Ok(template)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.text
    }
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let (before, place) = rest.split_at(at);
        let (part, length) = if place.starts_with(MARKER) {
            (Part::Marker, MARKER.len())
        } else if place.starts_with(NUMBER) {
            (Part::Number, NUMBER.len())
        } else {
            // Two braces that open nested objects are text.
            (Part::Text("{".to_owned()), 1)
        };
        if let Some(end) = place.find("}}").filter(|_| length == 1) {
            let name = place[2..end].trim();
            if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return Err(format!(
                    "unknown place {{{{{name}}}}}: expected {MARKER} or {NUMBER}"
                ));
            }
        }
        parts.push(Part::Text(before.to_owned()));
        parts.push(part);
        rest = &place[length..];
    }
    parts.push(Part::Text(rest.to_owned()));
    parts.retain(|part| *part != Part::Text(String::new()));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).unwrap()
    }

    const NESTED: &str = r#"{"a":{"n":"{{marker}}"},"items":[{"sku":"s","qty": {{number}}}]}"#;

    #[test]
    fn all_spellings_are_the_same_json() {
        for text in [
            r#"{"item":"{{marker}}","quantity":{{number}}}"#,
            NESTED,
            r#"{"name": "{{marker}} of {{number}}", "tag": true}"#,
        ] {
            let template = template(text);
            let plain = Payload::new("hammer-1-pair-0".into(), 2);
            let value: Value = serde_json::from_str(&template.body(&plain)).unwrap();
            for spelling in Spelling::OTHERS {
                let body = template.body(&plain.spelled(spelling));
                let spelled = body.replace("2.0", "2");
                assert_eq!(
                    serde_json::from_str::<Value>(&spelled).unwrap(),
                    value,
                    "{body}"
                );
            }
            let broken = template.body(&plain.spelled(Spelling::Broken));
            assert_ne!(serde_json::from_str::<Value>(&broken).ok(), Some(value));
        }
    }

    #[test]
    fn a_stored_text_is_known_from_the_body() {
        let payload = Payload::new("m".into(), 2);
        let embedded = template(r#"{"name": "{{marker}}-{{number}}"}"#);
        assert_eq!(embedded.marker_texts(&payload), ["m", "m-2"]);
        assert_eq!(embedded.number_texts(&payload), ["m-2", "2"]);
        assert_eq!(template(NESTED).marker_texts(&payload), ["m"]);
        assert_eq!(template(NESTED).number_texts(&payload), ["2"]);
    }

    #[test]
    fn a_form_is_a_template_too() {
        let form = template("name={{marker}}&n={{number}}");
        assert!(!form.is_json() && form.has_number());
        let payload = Payload::new("m".into(), 2).spelled(Spelling::Spaced);
        assert_eq!(form.body(&payload), "name=m&n=2");
    }

    #[test]
    fn unknown_places_are_refused() {
        for wrong in [
            "{}",
            r#"{"a":"{{number}}"}"#,
            r#"{"a":"{{marker}}","b":"{{mark}}"}"#,
        ] {
            assert!(Template::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
