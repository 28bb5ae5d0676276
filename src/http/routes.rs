//! The routes: the operations of the API, and the pages for people.

use std::sync::Arc;

use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::{StatusCode, header};
use poem::{IntoEndpoint, Response, Route, get};

use super::health::HealthApi;
use super::orders::OrdersApi;
use super::request::BodyLimits;
use super::{Settings, document};
use crate::db::Database;
use crate::idempotency::Executor;
use crate::order::PlaceOrder;

/// Everything that the OpenAPI document describes.
pub(super) type Api = (OrdersApi, HealthApi);

/// All routes.
pub(super) fn routes(
    executor: Executor<PlaceOrder>,
    database: Database,
    settings: &Settings,
) -> Route {
    let orders = OrdersApi {
        executor,
        reads: database.reads().clone(),
        body_limits: BodyLimits {
            bytes_max: settings.body_bytes_max,
            timeout: settings.body_timeout,
        },
    };
    let api = Arc::new(document::service((orders, HealthApi { database })).into_endpoint());
    // Nested at "/", the API would hide the page there: each of its paths is a route instead.
    document::paths().fold(pages(), |routes, path| {
        let pattern = path.replace('{', ":").replace('}', "");
        routes.at(pattern, Arc::clone(&api))
    })
}

/// The Swagger UI and the OpenAPI document.
fn pages() -> Route {
    let docs = Bytes::from(document::swagger_ui());
    let json = Bytes::from(document::json_text());
    let yaml = Bytes::from(document::yaml());
    let content = |media_type: &'static str, body: &Bytes| {
        let body = body.clone();
        get(make_sync(move |_| {
            Response::builder()
                .content_type(media_type)
                .body(body.clone())
        }))
    };
    let redirect = |path: &'static str| {
        get(make_sync(move |_| {
            Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, path)
                .finish()
        }))
    };
    Route::new()
        .at("/", redirect("/docs"))
        .at("/docs", content("text/html; charset=utf-8", &docs))
        .at("/docs/", content("text/html; charset=utf-8", &docs))
        .at("/openapi.json", content("application/json", &json))
        .at("/openapi.yaml", content("application/yaml", &yaml))
}
