//! What surrounds every handler: request ids, metrics, the access log, and responses to errors and
//! panics.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use tracing::field;
use uuid::Uuid;

use super::document;
use super::observed::{self, Facts, note};
use super::problem::{Kind, Problem, accepts_problem_json};
use super::span;
use super::trace::{TRACEPARENT, Trace};
use crate::idempotency::RequestId;
use crate::telemetry::{HttpOperation, RequestOutcome, Spans, metrics};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives every request an id, in its header and in that of its response, and continues its trace.
/// Counts it, logs its failure, and logs one line for it if the access log is on.
#[derive(Debug)]
pub struct WithRequestId<E> {
    /// What is surrounded.
    pub inner: E,
    /// Where the spans of sampled traces go.
    pub spans: Option<Spans>,
}

impl<E: Endpoint<Output = Response>> Endpoint for WithRequestId<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let id = request_id(request.headers()).unwrap_or_else(new_request_id);
        let header = HeaderValue::try_from(id.as_str()).expect("visible ASCII");
        let operation = operation(request.method(), request.uri().path());
        let trace = Trace::of(request.headers(), |trace| {
            let spans = self.spans.as_ref();
            operation != HttpOperation::Probe && spans.is_some_and(|spans| spans.samples(trace))
        });
        request.headers_mut().insert(REQUEST_ID, header.clone());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let started = Instant::now();
        let (response, facts) = observed::collect(self.inner.call(request)).await;
        let mut response = response?;
        let answered = Answered {
            id: id.as_str(),
            trace,
            operation,
            method,
            path: uri.path(),
            status: response.status().as_u16(),
            started,
            took: started.elapsed(),
            facts,
        };
        answered.record(self.spans.as_ref());
        let headers = response.headers_mut();
        headers.insert(TRACEPARENT, trace.header());
        headers.insert(REQUEST_ID, header);
        Ok(response)
    }
}

/// A request and its response, as metrics and the log tell of them.
pub(super) struct Answered<'a> {
    pub(super) id: &'a str,
    pub(super) trace: Trace,
    operation: HttpOperation,
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) status: u16,
    pub(super) started: Instant,
    pub(super) took: Duration,
    pub(super) facts: Facts,
}

impl Answered<'_> {
    fn record(self, spans: Option<&Spans>) {
        metrics().response(self.operation, self.status, self.took);
        let outcome = self.facts.outcome.or_else(|| self.invalid());
        if self.facts.outcome.is_none()
            && let Some(outcome) = outcome
        {
            metrics().request(outcome);
        }
        if self.status >= 500 {
            self.log_failure();
        }
        if let Some(spans) = spans.filter(|_| self.trace.is_sampled()) {
            span::end(spans, &self, outcome);
        }
        tracing::info!(
            target: "orders::access",
            request_id = self.id,
            trace_id = %self.trace.id(),
            method = self.method.as_str(),
            path = shown(self.path),
            operation = self.operation.name(),
            status = self.status,
            outcome = outcome.map(RequestOutcome::name),
            order = self.facts.order.map(field::display),
            original_request_id = self.facts.original.as_ref().map(RequestId::as_str),
            key_digest = self.facts.key_digest.map(|digest| field::display(digest.simple())),
            batch = self.facts.batch,
            tenant = self.facts.tenant.as_deref(),
            duration_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
        );
    }

    /// An order that was refused before its execution.
    fn invalid(&self) -> Option<RequestOutcome> {
        let is_order = self.operation == HttpOperation::PlaceOrder;
        match self.status {
            400..500 if is_order => Some(RequestOutcome::Invalid),
            500 if is_order => Some(RequestOutcome::Failed),
            _ => None,
        }
    }

    fn log_failure(&self) {
        let problem = self.facts.problem.map(Kind::code);
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.id,
                    trace_id = %self.trace.id(),
                    method = self.method.as_str(),
                    path = shown(self.path),
                    status = self.status,
                    problem,
                    cause = self.facts.cause.as_deref(),
                    duration_us = u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
                    "request failed"
                )
            };
        }
        // 503 is expected of an overload or an outage; anything else is a bug.
        if self.status == 503 {
            log!(warn);
        } else {
            log!(error);
        }
    }
}

fn operation(method: &Method, path: &str) -> HttpOperation {
    match path {
        "/orders" if method == Method::POST => HttpOperation::PlaceOrder,
        "/orders" => HttpOperation::ListOrders,
        "/health" | "/livez" | "/metrics" => HttpOperation::Probe,
        _ if path.starts_with("/orders/") => HttpOperation::FindOrder,
        _ => HttpOperation::Other,
    }
}

/// A path as logs show it: without an idempotency key.
fn shown(path: &str) -> &str {
    if path.starts_with("/idempotency-keys/") {
        "/idempotency-keys/{key}"
    } else {
        path
    }
}

/// The id of a request: what its client chose, if it is reasonable, before [`WithRequestId`].
pub(super) fn request_id(headers: &HeaderMap) -> Option<RequestId> {
    RequestId::parse(headers.get(REQUEST_ID)?.as_bytes())
}

fn new_request_id() -> RequestId {
    let id = Uuid::now_v7().to_string();
    RequestId::parse(id.as_bytes()).expect("a UUID is visible ASCII")
}

/// Turns errors and panics into responses, in the form that the client accepts.
#[derive(Debug)]
pub struct WithProblems<E>(pub E);

impl<E: Endpoint> Endpoint for WithProblems<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let as_problem_json = accepts_problem_json(request.headers());
        let uri = request.uri().clone();
        // A panic unwinds one request only: handlers share no state that it could leave broken.
        let result = AssertUnwindSafe(self.0.call(request)).catch_unwind().await;
        let problem = match result {
            Ok(Ok(output)) => return Ok(output.into_response()),
            Ok(Err(error)) => Problem::from(error),
            Err(panic) => {
                let message = panic.downcast_ref::<&str>().copied().map(str::to_owned);
                let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
                let message = message.unwrap_or_default();
                note(|facts| facts.cause = Some(format!("a handler panicked: {message}")));
                Kind::Internal.into()
            }
        };
        note(|facts| facts.problem = Some(problem.kind()));
        let problem = if problem.kind() == Kind::MethodNotAllowed {
            let methods = HeaderValue::try_from(document::allowed_methods(uri.path()));
            let methods = methods.expect("names of methods are header values");
            problem.with_header(header::ALLOW, methods)
        } else {
            problem
        };
        Ok(problem.into_response(as_problem_json))
    }
}
