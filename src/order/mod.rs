//! What an order is, how one is placed, how orders are read.
//!
//! Values of these types are always valid. This module knows nothing of HTTP.

mod payload;
mod place;
mod read;

use serde::Serialize;
use uuid::Uuid;

pub use self::place::{ORDER_PLACED, PlaceOrder};
pub use self::read::{LIMIT_MAX, Page, find, list};

/// The longest item, in characters.
pub const ITEM_LENGTH_MAX: usize = 255;

/// The largest quantity.
pub const QUANTITY_MAX: i64 = i32::MAX as i64;

/// A valid order without an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    item: String,
    quantity: i64,
}

/// An order that was or will be placed. Its JSON form is the one that clients see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// UUID version 7: in order of arrival.
    pub id: Uuid,
    /// What was ordered, as it was sent.
    pub item: String,
    /// How many of it.
    pub quantity: i64,
}

/// The rule that an order breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    /// The payload is not a JSON object.
    #[error("the body must be a JSON object, not {0}")]
    NotAnObject(&'static str),
    /// A member is missing, or both are.
    #[error("{0} required")]
    Missing(&'static str),
    /// A member is of another type.
    #[error("{member} must be {expected}, not {found}")]
    Type {
        /// The member.
        member: &'static str,
        /// The type that it must have.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// Empty, or only white space.
    #[error("item must not be blank")]
    ItemBlank,
    /// Too many characters.
    #[error("item must have at most {ITEM_LENGTH_MAX} characters, and has {0}")]
    ItemTooLong(usize),
    /// A control character, such as a line break or NUL.
    #[error("item must not contain control characters, and has U+{0:04X}")]
    ItemControl(u32),
    /// Outside 1 to 2147483647.
    #[error("quantity must be a whole number from 1 to {QUANTITY_MAX}")]
    Quantity,
}

impl NewOrder {
    /// Checks the rules of an order.
    pub fn new(item: String, quantity: i64) -> Result<Self, InvalidOrder> {
        let length = item.chars().count();
        if length > ITEM_LENGTH_MAX {
            return Err(InvalidOrder::ItemTooLong(length));
        }
        if let Some(control) = item.chars().find(|c| c.is_control()) {
            return Err(InvalidOrder::ItemControl(control.into()));
        }
        if item.trim().is_empty() {
            return Err(InvalidOrder::ItemBlank);
        }
        if !(1..=QUANTITY_MAX).contains(&quantity) {
            return Err(InvalidOrder::Quantity);
        }
        Ok(Self { item, quantity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_hold_at_their_edges() {
        let longest = "é".repeat(255);
        assert!(NewOrder::new(longest.clone(), 1).is_ok());
        assert!(NewOrder::new("x".into(), QUANTITY_MAX).is_ok());
        assert_eq!(
            NewOrder::new(longest + "é", 1),
            Err(InvalidOrder::ItemTooLong(256))
        );
        for blank in ["", " ", "\u{a0}\u{3000}"] {
            let refused = NewOrder::new(blank.into(), 1);
            assert_eq!(refused, Err(InvalidOrder::ItemBlank), "{blank:?}");
        }
        for control in ['\0', '\n', '\u{7f}', '\u{85}'] {
            let refused = NewOrder::new(format!("a{control}"), 1);
            assert_eq!(refused, Err(InvalidOrder::ItemControl(control.into())));
        }
        for quantity in [i64::MIN, -1, 0, QUANTITY_MAX + 1, i64::MAX] {
            assert_eq!(
                NewOrder::new("x".into(), quantity),
                Err(InvalidOrder::Quantity)
            );
        }
    }
}
