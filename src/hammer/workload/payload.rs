//! Order bodies: each key's item is its own, so that whoever reads the stored orders can tell
//! which key made them; and the same order can be spelled in several ways.

/// An order to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    /// 0 for a key's first payload; payloads of one key with different numbers differ.
    pub(crate) variant: u8,
    pub(crate) item: String,
    pub(crate) quantity: u32,
    pub(crate) spelling: Spelling,
}

/// How an order is written as JSON. All spellings mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spelling {
    /// `{"item":"a","quantity":2}`
    Plain,
    /// The members the other way round.
    Reordered,
    /// White space where JSON allows it.
    Spaced,
    /// `2.0` for `2`.
    Decimal,
    /// Letters as `\uXXXX`.
    Escaped,
    /// No order at all: `quantity` is a word.
    Broken,
}

impl Spelling {
    /// Every way to write an order but the plain one.
    pub(crate) const OTHERS: [Self; 4] =
        [Self::Reordered, Self::Spaced, Self::Decimal, Self::Escaped];
}

impl Payload {
    /// The first payload for `item`.
    pub(crate) fn new(item: String, quantity: u32) -> Self {
        Self {
            variant: 0,
            item,
            quantity,
            spelling: Spelling::Plain,
        }
    }

    /// The same order in another spelling.
    pub(crate) fn spelled(&self, spelling: Spelling) -> Self {
        Self {
            spelling,
            ..self.clone()
        }
    }

    /// Another order that wants the same key: another quantity.
    pub(crate) fn other_quantity(&self) -> Self {
        Self {
            variant: 1,
            quantity: self.quantity + 1,
            ..self.clone()
        }
    }

    /// Another order that wants the same key: another item.
    pub(crate) fn other_item(&self) -> Self {
        Self {
            variant: 2,
            item: format!("{}-other", self.item),
            ..self.clone()
        }
    }

    /// The body on the wire.
    pub(crate) fn body(&self) -> String {
        let Self { item, quantity, .. } = self;
        match self.spelling {
            Spelling::Plain => format!(r#"{{"item":"{item}","quantity":{quantity}}}"#),
            Spelling::Reordered => format!(r#"{{"quantity":{quantity},"item":"{item}"}}"#),
            Spelling::Spaced => {
                format!("{{ \"item\" :\t\"{item}\",\n  \"quantity\" : {quantity} }}\n")
            }
            Spelling::Decimal => format!(r#"{{"item":"{item}","quantity":{quantity}.0}}"#),
            Spelling::Escaped => {
                format!(
                    r#"{{"\u0069tem":"{}","quantity":{quantity}}}"#,
                    escaped(item)
                )
            }
            Spelling::Broken => format!(r#"{{"item":"{item}","quantity":"several"}}"#),
        }
    }
}

/// Every third character as `\uXXXX`.
fn escaped(text: &str) -> String {
    text.chars()
        .enumerate()
        .map(|(place, letter)| match place % 3 {
            0 => format!("\\u{:04x}", u32::from(letter)),
            _ => letter.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same_order() {
        let plain = Payload::new("hammer-1-pair-0".into(), 2);
        for spelling in Spelling::OTHERS {
            let body = plain.spelled(spelling).body();
            assert_ne!(body, plain.body());
            let value: serde_json::Value = serde_json::from_str(&body).expect(&body);
            assert_eq!(value["item"], "hammer-1-pair-0", "{body}");
            assert_eq!(value["quantity"].as_f64(), Some(2.0), "{body}");
        }
    }

    #[test]
    fn the_other_payloads_differ_in_one_member() {
        let first = Payload::new("hammer-1-pair-0".into(), 2);
        assert_eq!(first.other_quantity().item, first.item);
        assert_eq!(first.other_item().quantity, first.quantity);
        assert_ne!(first.other_item().body(), first.other_quantity().body());
    }
}
