//! The spans of a request, for those who collect traces.

use std::time::{Instant, SystemTime};

use poem::http::Method;

use super::middleware::Answered;
use super::problem::Kind;
use crate::telemetry::{RequestOutcome, Spans, Value};

/// Queues the span of a request and of what it waited for.
pub(super) fn end(spans: &Spans, answered: &Answered<'_>, outcome: Option<RequestOutcome>) {
    let ended = SystemTime::now();
    let began = ended - answered.took;
    let at = |instant: Instant| began + instant.saturating_duration_since(answered.started);
    if let Some(times) = answered.facts.times {
        let parts = [
            ("wait in queue", times.queued, times.taken),
            ("commit batch", times.taken, times.answered),
        ];
        for (name, from, to) in parts {
            spans.end(answered.trace.part(name, at(from), at(to)));
        }
    }
    let mut span = answered.trace.server_span(began, ended);
    let method = known(&answered.method);
    let route = route(answered.path);
    span.name = match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    };
    span.has_failed = answered.status >= 500;
    let facts = &answered.facts;
    let number = |number: u32| Value::Number(number.into());
    let owned = |text: String| Value::Text(text.into());
    let problem = facts.problem.filter(|_| span.has_failed).map(Kind::code);
    let attributes = [
        ("http.request.method", Some(Value::Text(method.into()))),
        ("http.route", route.map(|route| Value::Text(route.into()))),
        (
            "http.response.status_code",
            Some(number(answered.status.into())),
        ),
        ("error.type", problem.map(|code| Value::Text(code.into()))),
        ("orders.request_id", Some(owned(answered.id.to_owned()))),
        (
            "orders.outcome",
            outcome.map(|outcome| Value::Text(outcome.name().into())),
        ),
        (
            "orders.order",
            facts.order.map(|order| owned(order.to_string())),
        ),
        (
            "orders.key_digest",
            facts
                .key_digest
                .map(|digest| owned(digest.simple().to_string())),
        ),
        (
            "orders.original_request_id",
            facts.original.as_ref().map(|id| owned(id.to_string())),
        ),
        ("orders.batch", facts.batch.map(number)),
        ("orders.tenant", facts.tenant.clone().map(owned)),
    ];
    let present = attributes.into_iter();
    span.attributes = present
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    spans.end(span);
}

/// The method, unless a client has made it up.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// The template of a path. A path itself may contain a key.
fn route(path: &str) -> Option<&'static str> {
    const PLAIN: [&str; 10] = [
        "/",
        "/orders",
        "/health",
        "/livez",
        "/metrics",
        "/admin/cleanup",
        "/docs",
        "/docs/",
        "/openapi.json",
        "/openapi.yaml",
    ];
    const WITH_NAME: [(&str, &str); 2] = [
        ("/orders/", "/orders/{id}"),
        ("/idempotency-keys/", "/idempotency-keys/{key}"),
    ];
    let plain = PLAIN.into_iter().find(|plain| *plain == path);
    let named = || {
        WITH_NAME
            .into_iter()
            .find(|(start, _)| path.starts_with(start))
    };
    plain.or_else(|| named().map(|(_, template)| template))
}
