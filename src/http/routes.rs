//! The routes: the operations of the API, and the pages for people.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use poem::endpoint::make_sync;
use poem::http::{StatusCode, header};
use poem::{IntoEndpoint, Request, Response, Route, get};

use super::admin::AdminApi;
use super::auth::{Auth, Authentication, ForAdmins, WithAuth};
use super::health::HealthApi;
use super::keys::KeysApi;
use super::orders::OrdersApi;
use super::rate::{RateLimits, WithRateLimit};
use super::request::BodyLimits;
use super::server::Draining;
use super::{Settings, docs, document, gzip, metrics};
use crate::db::Database;
use crate::idempotency::{Executor, Sweeper};
use crate::order::PlaceOrder;

/// Everything that the OpenAPI document describes.
pub(super) type Api = (OrdersApi, KeysApi, HealthApi, AdminApi);

/// All routes.
pub(super) fn routes(
    executor: Executor<PlaceOrder>,
    database: &Database,
    draining: Draining,
    settings: &Settings,
) -> Route {
    let admin_api = AdminApi {
        sweeper: Sweeper::new(database.clone(), *executor.retention()),
    };
    let keys = KeysApi {
        reads: database.reads().clone(),
        retention: *executor.retention(),
    };
    let orders = OrdersApi {
        executor,
        reads: database.reads().clone(),
        body_limits: BodyLimits {
            bytes_max: settings.body_bytes_max,
            timeout: settings.body_timeout,
        },
        event_source: settings.event_source.clone(),
    };
    let health = HealthApi {
        database: database.clone(),
        draining,
    };
    let api = Arc::new(document::service((orders, keys, health, admin_api)).into_endpoint());
    let authentication = Authentication::new(&settings.auth, database.reads());
    let limited = Arc::new(WithAuth {
        authentication: authentication.clone(),
        inner: WithRateLimit {
            limits: settings.rate_limit.map(RateLimits::new),
            inner: Arc::clone(&api),
        },
    });
    let admin = Arc::new(WithAuth {
        authentication: authentication.clone(),
        inner: Arc::clone(&api),
    });
    // Nested at "/", the API would hide the page there: each of its paths is a route instead.
    let metrics = metrics::page(database.reads().clone());
    let pages = if settings.auth == Auth::Tokens && !settings.open_metrics {
        let inner = ForAdmins(metrics);
        let metrics = WithAuth {
            authentication,
            inner,
        };
        pages().at("/metrics", metrics)
    } else {
        pages().at("/metrics", metrics)
    };
    document::paths().fold(pages, |routes, path| {
        let pattern = path.replace('{', ":").replace('}', "");
        // A probe must not depend on the requests of a tenant.
        if path.starts_with("/orders") || path.starts_with("/idempotency-keys") {
            routes.at(pattern, Arc::clone(&limited))
        } else if path.starts_with("/admin") {
            routes.at(pattern, Arc::clone(&admin))
        } else {
            routes.at(pattern, Arc::clone(&api))
        }
    })
}

/// The routes of a process without an API.
pub(super) fn probes(database: &Database, draining: Draining) -> Route {
    let health = HealthApi {
        database: database.clone(),
        draining,
    };
    let api = Arc::new(document::service(health).into_endpoint());
    Route::new()
        .at("/metrics", metrics::page(database.reads().clone()))
        .at("/livez", Arc::clone(&api))
        .at("/health", api)
}

/// The Swagger UI and the OpenAPI document.
fn pages() -> Route {
    let docs = Bytes::from(docs::page());
    let json = Bytes::from(document::json_text());
    let yaml = Bytes::from(document::yaml());
    let content = |media_type: &'static str, body: &Bytes| {
        let body = body.clone();
        let packed = OnceLock::new();
        get(make_sync(move |request: Request| {
            let response = Response::builder()
                .content_type(media_type)
                .header(header::VARY, "Accept-Encoding");
            if !gzip::is_accepted(request.headers()) {
                return response.body(body.clone());
            }
            // Packed once, when the first client asks for it.
            let packed: &Bytes =
                packed.get_or_init(|| gzip::compress(&body, Compression::default()));
            response
                .header(header::CONTENT_ENCODING, "gzip")
                .body(packed.clone())
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
