//! The OpenAPI document and the Swagger UI page. Needs no database.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

use poem::endpoint::BoxEndpoint;
use poem::error::ResponseError;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, Tags};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::{Api, example};

const DESCRIPTION: &str = "\
Takes an order exactly once.

A request can arrive twice. Send an `Idempotency-Key` with every order: the first request with a \
key places the order (201), the same request again is answered with the same bytes (200 and \
`Idempotent-Replayed: true`), and another payload under the key is refused (409).

**Retrying.** Without an answer, and after 408, 409 with the code `IDEMPOTENCY_KEY_IN_USE`, 500 or \
503: send the same request with the same key, as often as it takes. After any other 4xx the \
request has to change. A 4xx never uses up a key.

**Payloads** are compared as JSON values: the order of members, white space, escapes and the \
spelling of numbers do not matter; members that are not part of an order do.

**Errors** are `{\"error\"}` with a text for people; 409 has a `code` as well, because it has two \
causes. Clients that accept `application/problem+json` get RFC 9457 instead. An unknown path is \
404, and a method that a path does not have is 405 with `Allow`.

**Request ids.** An `X-Request-Id` of up to 128 visible characters is taken over; other requests \
get a new one. Every answer carries it.";

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
        .description(DESCRIPTION)
        .license(LicenseObject::new("MIT OR Apache-2.0"))
}

fn described() -> OpenApiService<Described<Api>, ()> {
    service(Described(PhantomData))
}

/// The document, made once: routes, pages and both spellings are read from it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// What the framework derives, and what it cannot know.
fn document() -> Value {
    let mut document: Value =
        serde_json::from_str(&described().spec()).expect("the framework writes JSON");
    for operation in operations_mut(&mut document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let refusals = example::refusals(id);
        let responses = operation["responses"].as_object_mut().into_iter();
        for (status, response) in responses.flatten() {
            describe_headers(response);
            for problem in refusals.iter().filter(|p| p.status().as_str() == status) {
                show(problem, response);
            }
        }
    }
    let page = &mut document["components"]["schemas"]["Page"];
    page["required"] = json!(["orders", "next"]);
    page["properties"]["next"]["nullable"] = json!(true);
    document
}

/// Headers as people know them, and the one that every answer has.
fn describe_headers(response: &mut Value) {
    let spelled = |name: &str| {
        let words = name.split('-').map(|word| {
            let (first, rest) = word.split_at(1.min(word.len()));
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        });
        words.collect::<Vec<_>>().join("-")
    };
    let derived = response["headers"].take();
    let derived = derived.as_object().into_iter().flatten();
    let mut headers: Map<String, Value> = derived
        .map(|(name, header)| (spelled(name), header.clone()))
        .collect();
    headers.insert(
        "X-Request-Id".to_owned(),
        json!({
            "description": "The id of the request.",
            "required": true,
            "schema": { "type": "string" },
        }),
    );
    response["headers"] = headers.into();
}

/// An example in both forms, rendered by the code that sends it.
fn show(problem: &Problem, response: &mut Value) {
    let name = problem.code().to_ascii_lowercase().replace('_', "-");
    for as_problem_json in [false, true] {
        let (media_type, body) = problem.body(as_problem_json);
        let body: Value = serde_json::from_slice(&body).expect("refusals are JSON");
        response["content"][media_type]["examples"][&name] = json!({ "value": body });
    }
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
    serde_yaml_ng::to_string(&*DOCUMENT).expect("every JSON value is YAML")
}

/// The document as indented JSON.
#[must_use]
pub fn json_text() -> String {
    format!("{:#}\n", *DOCUMENT)
}

/// The Swagger UI: one page, everything inlined, nothing loaded from elsewhere.
pub(super) fn swagger_ui() -> String {
    let service = described();
    let page = service
        .swagger_ui_html()
        .replace(&service.spec(), &DOCUMENT.to_string());
    // Without a doctype browsers render the page in quirks mode.
    format!("<!DOCTYPE html>{page}").replace("<title>Swagger UI</title>", "<title>orders</title>")
}

/// Every path, as the framework's routes are written.
pub(super) fn paths() -> Vec<String> {
    let paths = DOCUMENT["paths"].as_object().into_iter().flatten();
    paths
        .map(|(path, _)| path.replace('{', ":").replace('}', ""))
        .collect()
}

/// The methods of every path, as segments; `None` stands for a parameter.
pub(super) fn methods() -> Vec<(Vec<Option<String>>, Vec<Method>)> {
    let paths = DOCUMENT["paths"].as_object().into_iter().flatten();
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
