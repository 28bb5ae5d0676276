//! Where to count what was made.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{document, spelling};
use crate::hammer::history::Order;

/// What every marker begins with.
const MARK: &str = "hammer-";

/// Where to count what was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredShape {
    /// Path and query of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<String>,
    /// JSON pointer to the array.
    #[serde(default)]
    pub(crate) items: String,
    /// JSON pointer to the cursor of the next page. Without it, there is one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// The query parameter that takes the cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cursor: Option<String>,
    /// JSON pointers within an item. Without `marker`, its texts are searched.
    #[serde(default = "id")]
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<String>,
    /// A query for identity, marker and, if there is a pointer to it, number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sql: Option<String>,
}

impl StoredShape {
    /// Path and query of the page that `cursor` leads to.
    pub(crate) fn page(&self, cursor: Option<&str>) -> Option<String> {
        let list = self.list.as_deref()?;
        let (Some(name), Some(value)) = (&self.cursor, cursor) else {
            return Some(list.to_owned());
        };
        let mark = if list.contains('?') { '&' } else { '?' };
        let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        Some(format!("{list}{mark}{name}={value}"))
    }

    /// The items of a page and the cursor of the next one; the error names what is missing.
    pub(crate) fn read(&self, page: &Value) -> Result<(Vec<Order>, Option<String>), String> {
        let items = page
            .pointer(&self.items)
            .and_then(Value::as_array)
            .ok_or_else(|| format!("there is no array at {:?} (stored.items)", self.items))?;
        let orders: Result<Vec<Order>, String> =
            items.iter().map(|item| self.order(item)).collect();
        let next = self.next.as_ref().and_then(|next| page.pointer(next));
        let next = next.and_then(document::identity);
        Ok((orders?, next.filter(|cursor| !cursor.is_empty())))
    }

    fn order(&self, item: &Value) -> Result<Order, String> {
        let text = |pointer: &Option<String>| {
            let found = pointer.as_ref().and_then(|pointer| item.pointer(pointer));
            found.map(document::text).unwrap_or_default()
        };
        let id = item.pointer(&self.id).and_then(document::identity);
        Ok(Order {
            id: id
                .ok_or_else(|| format!("an item has no identity at {:?} (stored.id)", self.id))?,
            item: match self.marker {
                Some(_) => text(&self.marker),
                None => marker_in(item),
            },
            quantity: text(&self.number),
        })
    }
}

/// The first text of an item that contains a marker of the hammer.
fn marker_in(item: &Value) -> String {
    let mut texts = Vec::new();
    spelling::texts(item, &mut texts);
    let marked = texts.into_iter().find(|text| text.contains(MARK));
    marked.unwrap_or_default()
}

fn id() -> String {
    "/id".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_are_read_and_followed() {
        let shape = StoredShape {
            list: Some("/things?limit=2".to_owned()),
            items: "/data".to_owned(),
            next: Some("/meta/next".to_owned()),
            cursor: Some("from".to_owned()),
            id: "/key".to_owned(),
            marker: Some("/name".to_owned()),
            ..StoredShape::default()
        };
        let page = json!({"data": [{"key": 1, "name": "a"}], "meta": {"next": "x y"}});
        let (orders, next) = shape.read(&page).unwrap();
        assert_eq!((orders[0].id.as_str(), orders[0].item.as_str()), ("1", "a"));
        assert_eq!(
            shape.page(next.as_deref()).unwrap(),
            "/things?limit=2&from=x+y"
        );
        assert_eq!(shape.page(None).unwrap(), "/things?limit=2");
        let last = json!({"data": [], "meta": {"next": null}});
        assert_eq!(shape.read(&last).unwrap(), (Vec::new(), None));
        for wrong in [json!([]), json!({"data": [{"name": "a"}]})] {
            assert!(shape.read(&wrong).is_err(), "{wrong}");
        }
    }
}
