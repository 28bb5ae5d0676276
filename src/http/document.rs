//! The OpenAPI document. Needs no database.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{LicenseObject, OpenApi, OpenApiService, Tags};
use serde_json::{Map, Value, json};

use super::problem::{Kind, can_end_in, describe_problems};
use super::routes::Api;

const DESCRIPTION: &str = "\
An idempotent order service.

A request can arrive twice. Send an `Idempotency-Key` with every order: the first request with a \
key places the order (201), repetitions get the same response (200 and \
`Idempotent-Replayed: true`), and a different payload under the same key is refused (409).

**Retries.** If there is no response, or it is 408, 409 with the code `IDEMPOTENCY_KEY_IN_USE`, \
500 or 503, repeat the same request with the same key, as often as necessary. After any other 4xx, \
change the request. A 4xx response never uses up a key.

**Payloads** are compared as JSON values: the order of members, white space, escapes and the \
spelling of numbers do not matter. Members that are not part of an order count as well.

**Errors** are `{\"error\", \"code\"}`: a text for people and a stable name for programs. Only the \
refusal of a missing key has no `code`. Clients that accept `application/problem+json` get RFC \
9457 instead. An unknown path is 404, an unsupported method is 405 with `Allow`.

**Tenants.** Unless the operator has authentication off, send `Authorization: Bearer` and a token. \
It names a tenant. Keys and orders are the tenant's own: those of another tenant do not exist.

**Request ids.** Every response has an `X-Request-Id`: the one of the request if it consists of up \
to 128 visible ASCII characters, or else a new one. A W3C `traceparent` is continued.";

/// Groups of operations.
#[derive(Tags)]
pub(super) enum Tag {
    /// Place orders exactly once, and read them.
    Orders,
    /// The service itself.
    Service,
}

/// Describes an API without an instance of it.
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

/// The API as a service of the framework.
pub(super) fn service<T: OpenApi>(api: T) -> OpenApiService<T, ()> {
    let license = LicenseObject::new("MIT OR Apache-2.0").url("https://spdx.org/licenses/");
    OpenApiService::new(api, "orders", env!("CARGO_PKG_VERSION"))
        .description(DESCRIPTION)
        .license(license)
        .server("/")
}

fn described() -> OpenApiService<Described<Api>, ()> {
    service(Described(PhantomData))
}

/// The document, built once. Routes, pages and both formats are derived from it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document: Value =
        serde_json::from_str(&described().spec()).expect("the framework writes JSON");
    for operation in operations_mut(&mut document) {
        describe_problems(operation);
        if can_end_in(operation, Kind::Unauthenticated) {
            // With a token, or without one if the operator has authentication off.
            operation["security"] = json!([{ "token": [] }, {}]);
        }
        let responses = operation["responses"].as_object_mut().into_iter();
        for (_, response) in responses.flatten() {
            describe_headers(response);
        }
    }
    let schemas = &mut document["components"]["schemas"];
    for form in ["Error", "Problem"] {
        let codes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.row().code).collect();
        schemas[form]["properties"]["code"]["enum"] = json!(codes);
    }
    let key = &mut schemas["StoredKey"];
    key["required"] = json!(["key", "order", "created", "expires", "expired"]);
    key["properties"]["order"]["nullable"] = json!(true);
    for time in ["created", "expires"] {
        key["properties"][time]["format"] = json!("date-time");
    }
    let page = &mut schemas["Page"];
    page["required"] = json!(["orders", "next"]);
    page["properties"]["next"]["nullable"] = json!(true);
    document["security"] = json!([]);
    document["components"]["securitySchemes"]["token"] = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `orders token create`. It names the tenant.",
    });
    document
});

/// Spells headers as in the RFCs, and adds the one that every response has.
fn describe_headers(response: &mut Value) {
    let derived = response["headers"].take();
    let derived = derived.as_object().into_iter().flatten();
    let mut headers: Map<String, Value> = derived
        .map(|(name, header)| (title_case(name), header.clone()))
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

fn title_case(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(1.min(word.len()));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    });
    words.collect::<Vec<_>>().join("-")
}

fn operations_mut(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter();
    let paths = paths.flat_map(Map::values_mut);
    paths.flat_map(|path| path.as_object_mut().into_iter().flat_map(Map::values_mut))
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

/// The document as one line of JSON.
pub(super) fn json_line() -> String {
    DOCUMENT.to_string()
}

/// The Swagger UI as the framework renders it, with the document as the framework writes it.
pub(super) fn rendered() -> (String, String) {
    let service = described();
    (service.swagger_ui_html(), service.spec())
}

/// The path templates of the document, such as `/orders/{id}`.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    let paths = DOCUMENT["paths"].as_object().into_iter().flatten();
    paths.map(|(path, _)| path.as_str())
}

/// The methods of a path, as the value of an `Allow` header. A path that is not in the document is
/// that of a page.
pub(super) fn allowed_methods(path: &str) -> String {
    let matches = |template: &&str| {
        let (template, path) = (template.split('/'), path.split('/'));
        template.clone().count() == path.clone().count()
            && template
                .zip(path)
                .all(|(want, have)| want.starts_with('{') || want == have)
    };
    let methods = match paths().find(matches) {
        Some(template) => DOCUMENT["paths"][template].as_object(),
        None => None,
    };
    let mut methods: Vec<String> = match methods {
        Some(operations) => operations.keys().map(|m| m.to_ascii_uppercase()).collect(),
        None => vec!["GET".to_owned()],
    };
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".to_owned());
    }
    methods.join(", ")
}
