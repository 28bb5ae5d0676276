//! What the answers say.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document;
use crate::hammer::history::Order;

/// The pointer that is tried if the contract names none.
const ID: &str = "/id";

/// What the answers say. What is absent is learned from the target, except `echo` and
/// `replayed_header`, which are then not checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseShape {
    /// JSON pointer to the identity of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) echo: Echo,
    /// Statuses of the first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fresh: Option<Vec<u16>>,
    /// Statuses of later answers to the same payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<Vec<u16>>,
    /// Statuses for a different payload. Empty if payloads are not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mismatch: Option<Vec<u16>>,
    /// Statuses of a duplicate of a request that is still in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) in_flight: Option<Vec<u16>>,
    /// Statuses for a request without a key. Empty if the key is optional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing_key: Option<Vec<u16>>,
    /// The header line that marks a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replayed_header: Option<String>,
    /// Whether replays have the same bytes as the first answer, or only the same JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) same_body: Option<bool>,
}

/// JSON pointers to where the answer repeats what was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Echo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
}

impl ResponseShape {
    /// Whether an answer with this status says that something was made under the key.
    pub(crate) fn acknowledges(&self, status: u16) -> bool {
        let promised = lists(self.fresh.as_ref(), status) || lists(self.replay.as_ref(), status);
        (200..300).contains(&status) && (promised || !lists(self.in_flight.as_ref(), status))
    }

    /// Whether an answer with this status ends the retries of its key: something was made under
    /// it, now or before.
    pub(crate) fn settles(&self, status: u16) -> bool {
        self.acknowledges(status) || self.refuses_duplicates(status)
    }

    /// Whether the status refuses a duplicate because something was made before.
    pub(crate) fn refuses_duplicates(&self, status: u16) -> bool {
        status >= 300 && lists(self.replay.as_ref(), status)
    }

    /// Whether an acknowledgement with this status looks like the first answer of its key, where
    /// `repeated` tells if the key was sent before.
    pub(crate) fn is_fresh(&self, status: u16, repeated: bool) -> bool {
        match (
            lists(self.fresh.as_ref(), status),
            lists(self.replay.as_ref(), status),
        ) {
            (true, false) => true,
            (false, true) => false,
            _ => !repeated,
        }
    }

    /// Name and value of the header that marks a replay.
    pub(crate) fn mark(&self) -> Option<(&str, &str)> {
        let (name, value) = self.replayed_header.as_deref()?.split_once(':')?;
        Some((name.trim(), value.trim()))
    }

    /// What the body of an answer says was made, if it names anything.
    pub(crate) fn order(&self, body: &Value) -> Option<Order> {
        let text = |pointer: Option<&String>| {
            let found = pointer.and_then(|pointer| body.pointer(pointer));
            found.map(document::text).unwrap_or_default()
        };
        Some(Order {
            id: document::identity(body.pointer(self.id.as_deref().unwrap_or(ID))?)?,
            item: text(self.echo.marker.as_ref()),
            quantity: text(self.echo.number.as_ref()),
        })
    }
}

fn lists(statuses: Option<&Vec<u16>>, status: u16) -> bool {
    statuses.is_some_and(|list| list.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_what_the_contract_says() {
        let mut shape = ResponseShape {
            fresh: Some(vec![201]),
            replay: Some(vec![409]),
            in_flight: Some(vec![202]),
            ..ResponseShape::default()
        };
        let acknowledged =
            |shape: &ResponseShape| [200, 201, 202, 409].map(|status| shape.acknowledges(status));
        assert_eq!(acknowledged(&shape), [true, true, false, false]);
        assert!(shape.settles(409) && !shape.settles(202) && !shape.settles(422));
        shape.fresh = Some(vec![202]);
        assert!(shape.acknowledges(202));
        assert!(ResponseShape::default().acknowledges(204));
    }

    #[test]
    fn an_order_is_what_the_pointers_find() {
        let shape = ResponseShape {
            id: Some("/data/0/a~1b".to_owned()),
            echo: Echo {
                marker: Some("/data/0/name".to_owned()),
                number: None,
            },
            ..ResponseShape::default()
        };
        let body = serde_json::json!({"data": [{"a/b": 7, "name": "m"}]});
        let order = shape.order(&body).unwrap();
        assert_eq!(
            (
                order.id.as_str(),
                order.item.as_str(),
                order.quantity.as_str()
            ),
            ("7", "m", "")
        );
        for body in [
            "{}",
            "[]",
            "null",
            r#"{"item":"b"}"#,
            r#"{"id":null}"#,
            r#"{"id":{}}"#,
        ] {
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!(ResponseShape::default().order(&body), None, "{body}");
        }
    }
}
