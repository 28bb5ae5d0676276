//! The page that Prometheus reads.

use poem::endpoint::make_sync;
use poem::{Response, RouteMethod, get};

use crate::db::Connection;
use crate::telemetry::metrics;

/// Version 0.0.4 of the text format.
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`
pub(super) fn page(reads: Connection) -> RouteMethod {
    get(make_sync(move |_| {
        let (open, idle) = reads.pool_size();
        metrics().read_connections(open, idle);
        Response::builder()
            .content_type(MEDIA_TYPE)
            .body(metrics().page())
    }))
}
