//! Orders in JSON payloads, however they arrive.

use super::{InvalidOrder, NewOrder};
use crate::json::Json;

impl NewOrder {
    /// The order in a payload: `{"item": string, "quantity": number}`. Other members are accepted
    /// and ignored.
    pub fn from_json(payload: &Json<'_>) -> Result<Self, InvalidOrder> {
        let wrong_type = |member, expected, found: &Json<'_>| InvalidOrder::Type {
            member,
            expected,
            found: found.kind(),
        };
        if !matches!(payload, Json::Object(_)) {
            return Err(InvalidOrder::NotAnObject(payload.kind()));
        }
        match (payload.get("item"), payload.get("quantity")) {
            (None, None) => Err(InvalidOrder::Missing("item and quantity are")),
            (None, _) => Err(InvalidOrder::Missing("item is")),
            (_, None) => Err(InvalidOrder::Missing("quantity is")),
            (Some(Json::String(item)), Some(Json::Number(quantity))) => {
                let quantity = quantity.as_integer().ok_or(InvalidOrder::Quantity)?;
                Self::new(item.clone().into_owned(), quantity)
            }
            (Some(Json::String(_)), Some(other)) => Err(wrong_type("quantity", "a number", other)),
            (Some(other), _) => Err(wrong_type("item", "a string", other)),
        }
    }
}
