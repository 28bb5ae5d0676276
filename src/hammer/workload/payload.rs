//! Order payloads: each key asks for an item of its own, so that stored orders can be attributed
//! to keys, and the same order can be spelled in several ways. Item and quantity are the marker
//! and the number of a contract.

use serde::{Deserialize, Serialize};

/// An order to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) variant: Variant,
    pub(crate) item: String,
    pub(crate) quantity: u32,
    pub(crate) spelling: Spelling,
}

/// Tells the different payloads under one key apart. A history has it as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub(crate) enum Variant {
    /// The first payload of the key.
    First,
    /// A different quantity of the same item.
    OtherQuantity,
    /// The same quantity of a different item.
    OtherItem,
}

impl From<Variant> for u8 {
    fn from(variant: Variant) -> Self {
        match variant {
            Variant::First => 0,
            Variant::OtherQuantity => 1,
            Variant::OtherItem => 2,
        }
    }
}

impl TryFrom<u8> for Variant {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::First),
            1 => Ok(Self::OtherQuantity),
            2 => Ok(Self::OtherItem),
            _ => Err(format!("unknown payload number {number}")),
        }
    }
}

/// How an order is written as JSON. All spellings but `Broken` are the same JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Spelling {
    /// `{"item":"a","quantity":2}`
    Plain,
    /// The members in reverse order.
    Reordered,
    /// White space wherever JSON allows it.
    Spaced,
    /// `2.0` for `2`.
    Decimal,
    /// Letters as `\uXXXX`.
    Escaped,
    /// Not a valid order: `quantity` is a word, or the end is missing.
    Broken,
}

impl Spelling {
    /// Every spelling of a valid order except the plain one.
    pub(crate) const OTHERS: [Self; 4] =
        [Self::Reordered, Self::Spaced, Self::Decimal, Self::Escaped];
}

impl Payload {
    /// The first payload for `item`.
    pub(crate) fn new(item: String, quantity: u32) -> Self {
        Self {
            variant: Variant::First,
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

    /// A different payload for the same key: another quantity.
    pub(crate) fn other_quantity(&self) -> Self {
        Self {
            variant: Variant::OtherQuantity,
            quantity: self.quantity + 1,
            ..self.clone()
        }
    }

    /// A different payload for the same key: another item.
    pub(crate) fn other_item(&self) -> Self {
        Self {
            variant: Variant::OtherItem,
            item: format!("{}-other", self.item),
            ..self.clone()
        }
    }

    /// The payload for a contract whose body has no number: only the item can differ.
    pub(super) fn without_number(self) -> Self {
        match self.variant {
            Variant::OtherQuantity => self.other_item(),
            Variant::First | Variant::OtherItem => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_payloads_differ_in_one_member() {
        let first = Payload::new("hammer-1-pair-0".into(), 2);
        assert_eq!(first.other_quantity().item, first.item);
        assert_eq!(first.other_item().quantity, first.quantity);
        assert_ne!(first.other_item(), first.other_quantity());
        let without = first.other_quantity().without_number();
        assert_eq!(without.item, first.other_item().item);
        assert_eq!(without.variant, Variant::OtherItem);
    }

    #[test]
    fn a_variant_is_a_number_in_a_history() {
        let variants = [Variant::First, Variant::OtherQuantity, Variant::OtherItem];
        assert_eq!(serde_json::to_string(&variants).unwrap(), "[0,1,2]");
        let read: [Variant; 3] = serde_json::from_str("[0,1,2]").unwrap();
        assert_eq!(read, variants);
        assert!(serde_json::from_str::<Variant>("3").is_err());
    }
}
