//! Every response of every test is checked against the OpenAPI document.

use std::sync::OnceLock;

use reqwest::Method;
use serde_json::Value;

/// The document as JSON.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::from_str(&orders::http::openapi_json()).unwrap())
}

/// Asserts that the document describes a response: its status, media type, headers and members.
/// Pages and unknown paths are not in the document.
pub(crate) fn assert_described(method: &Method, path: &str, reply: &super::Reply) {
    let method = method.as_str().to_ascii_lowercase();
    let Some(operation) = item(path).and_then(|item| item.get(method)) else {
        return;
    };
    let status = reply.status.to_string();
    let described = &operation["responses"][&status];
    assert!(
        described.is_object(),
        "{path} answers {status}: not in the document"
    );
    let media_type = reply.header("content-type").unwrap_or_default();
    let content = &described["content"][media_type];
    assert!(
        content.is_object(),
        "{path} answers {status} as {media_type}: not in the document"
    );
    let headers = described["headers"].as_object().unwrap();
    for (name, header) in headers
        .iter()
        .filter(|(_, header)| header["required"] == true)
    {
        assert!(
            reply.header(name).is_some(),
            "{path} answers {status} without {name}: {header}"
        );
    }
    if reply.header("content-encoding").is_some() {
        return;
    }
    let members = members(&content["schema"]);
    for name in reply.json().as_object().unwrap().keys() {
        assert!(
            members.contains(name),
            "{path} answers {status} with {name}: not in the document"
        );
    }
}

/// The path item whose template matches a path. `/orders/` is not the path of an order.
fn item(path: &str) -> Option<&'static Value> {
    let have: Vec<&str> = path.split('/').collect();
    let matches = |template: &str| {
        let want: Vec<&str> = template.split('/').collect();
        let segment = |(want, have): (&&str, &&str)| {
            want == have || (want.starts_with('{') && !have.is_empty())
        };
        want.len() == have.len() && want.iter().zip(&have).all(segment)
    };
    let paths = document()["paths"].as_object().unwrap();
    paths
        .iter()
        .find(|(template, _)| matches(template))
        .map(|(_, item)| item)
}

/// The members of a schema, given by reference.
fn members(schema: &Value) -> Vec<String> {
    let pointer = schema["$ref"].as_str().unwrap().trim_start_matches('#');
    let properties = &document().pointer(pointer).unwrap()["properties"];
    properties.as_object().unwrap().keys().cloned().collect()
}
