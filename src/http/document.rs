//! The OpenAPI document and the Swagger UI page. Needs no database.

use std::collections::HashMap;
use std::marker::PhantomData;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, Tags};
use serde_json::Value;

use super::Api;

/// Groups of operations.
#[derive(Tags)]
pub(super) enum Tag {
    /// Place orders exactly once, and read them.
    Orders,
    /// The service itself.
    Service,
}

/// The document of an API without an instance of it.
struct Described<T>(PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

/// The API as the framework serves it.
pub(super) fn service<T: OpenApi>(api: T) -> OpenApiService<T, ()> {
    OpenApiService::new(api, "orders", env!("CARGO_PKG_VERSION"))
        .summary("Takes an order exactly once")
        .description(
            "A request can arrive twice. Send an `Idempotency-Key` with every order: the first \
             request with a key places the order (201), the same request again is answered with \
             the same bytes (200 and `Idempotent-Replayed: true`), and another payload under the \
             key is refused (409).",
        )
        .license(LicenseObject::new("MIT OR Apache-2.0").identifier("MIT OR Apache-2.0"))
}

fn described() -> OpenApiService<Described<Api>, ()> {
    service(Described(PhantomData))
}

/// The document: what the framework derives, with the headers spelled as people know them.
fn json() -> Value {
    let mut document: Value =
        serde_json::from_str(&described().spec()).expect("the framework writes JSON");
    let spelled = |name: &str| {
        let words = name.split('-').map(|word| {
            let (first, rest) = word.split_at(1.min(word.len()));
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        });
        words.collect::<Vec<_>>().join("-")
    };
    for operation in operations_mut(&mut document) {
        let responses = operation["responses"].as_object_mut().into_iter();
        for response in responses.flat_map(serde_json::Map::values_mut) {
            if let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) {
                *headers = std::mem::take(headers)
                    .into_iter()
                    .map(|(name, header)| (spelled(&name), header))
                    .collect();
            }
        }
    }
    document
}

fn operations_mut(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter();
    let paths = paths.flat_map(serde_json::Map::values_mut);
    paths.flat_map(|path| {
        path.as_object_mut()
            .into_iter()
            .flat_map(serde_json::Map::values_mut)
    })
}

/// The document as YAML.
#[must_use]
pub fn yaml() -> String {
    serde_yaml_ng::to_string(&json()).expect("every JSON value is YAML")
}

/// The document as indented JSON.
#[must_use]
pub fn json_text() -> String {
    format!("{:#}\n", json())
}

/// The Swagger UI: one page, everything inlined, nothing loaded from elsewhere.
pub(super) fn swagger_ui() -> String {
    let service = described();
    let page = service
        .swagger_ui_html()
        .replace(&service.spec(), &json().to_string());
    // Without a doctype browsers render the page in quirks mode.
    format!("<!DOCTYPE html>{page}").replace("<title>Swagger UI</title>", "<title>orders</title>")
}

/// Every path, as the framework's routes are written.
pub(super) fn paths() -> Vec<String> {
    let document = json();
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .map(|(path, _)| path.replace('{', ":").replace('}', ""))
        .collect()
}

/// The methods of every path, as segments; `None` stands for a parameter.
pub(super) fn methods() -> Vec<(Vec<Option<String>>, Vec<Method>)> {
    let document = json();
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .map(|(path, operations)| {
            let segments = path.split('/').skip(1);
            let segments = segments.map(|s| (!s.starts_with('{')).then(|| s.to_owned()));
            let names = operations
                .as_object()
                .into_iter()
                .flat_map(serde_json::Map::keys);
            let methods = names.filter_map(|name| name.to_ascii_uppercase().parse().ok());
            (segments.collect(), methods.collect())
        })
        .collect()
}
