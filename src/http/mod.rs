//! The service over HTTP: the only place that knows poem, statuses and headers.
//!
//! Every refusal, our own or the framework's, is a `Problem`. The OpenAPI document is
//! derived from the handlers and their types.

mod document;
mod edge;
mod example;
mod health;
mod listener;
mod orders;
mod problem;
mod request;
mod response;
mod schema;
mod server;

use std::sync::Arc;

use bytes::Bytes;
use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::{StatusCode, header};
use poem::{EndpointExt, IntoEndpoint, Response, Route, get};

use self::edge::Edge;
use self::health::HealthApi;
use self::orders::OrdersApi;
use self::request::BodyBounds;
use crate::db::Database;
use crate::idempotency::Executor;
use crate::order::PlaceOrder;

pub use self::document::{json_text as openapi_json, yaml as openapi_yaml};
pub use self::server::{Server, Settings};

/// Everything that is in the document.
type Api = (OrdersApi, HealthApi);

/// The routes: the API, and around it what people read.
fn routes(
    executor: Executor<PlaceOrder>,
    database: Database,
    settings: &Settings,
) -> BoxEndpoint<'static, Response> {
    let body = BodyBounds {
        bytes_max: settings.body_bytes_max,
        timeout: settings.body_timeout,
    };
    let orders = OrdersApi {
        executor,
        reads: database.reads().clone(),
        body,
    };
    let api = Arc::new(document::service((orders, HealthApi { database })).into_endpoint());
    let page = Bytes::from(document::swagger_ui());
    let (json, yaml) = (Bytes::from(openapi_json()), Bytes::from(openapi_yaml()));
    let pages = Route::new()
        .at("/", get(make_sync(|_| see("/docs"))))
        .at(
            "/docs",
            get(make_sync(move |_| text("text/html; charset=utf-8", &page))),
        )
        .at(
            "/openapi.json",
            get(make_sync(move |_| text("application/json", &json))),
        )
        .at(
            "/openapi.yaml",
            get(make_sync(move |_| text("application/yaml", &yaml))),
        );
    // Nested at "/" the API would hide the page there, so it is put at each of its paths.
    let routes = document::paths()
        .into_iter()
        .fold(pages, |routes, path| routes.at(path, Arc::clone(&api)));
    routes.with(Edge).boxed()
}

fn see(path: &'static str) -> Response {
    Response::builder()
        .status(StatusCode::FOUND)
        .header(header::LOCATION, path)
        .finish()
}

fn text(media_type: &str, body: &Bytes) -> Response {
    Response::builder()
        .content_type(media_type)
        .body(body.clone())
}
