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
use super::trace::{TRACEPARENT, Trace};
use crate::telemetry::{HttpOperation, RequestOutcome, metrics};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is accepted from a client.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Gives every request an id, in its header and in that of its response, and continues its trace.
/// Counts it, logs its failure, and logs one line for it if the access log is on.
#[derive(Debug)]
pub struct WithRequestId<E>(pub E);

impl<E: Endpoint<Output = Response>> Endpoint for WithRequestId<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let id = request_id(request.headers());
        let trace = Trace::of(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let started = Instant::now();
        let (response, facts) = observed::collect(self.0.call(request)).await;
        let mut response = response?;
        let answered = Answered {
            id: id.to_str().unwrap_or_default(),
            trace,
            operation: operation(&method, uri.path()),
            method,
            path: uri.path(),
            status: response.status().as_u16(),
            took: started.elapsed(),
            facts,
        };
        answered.record();
        let headers = response.headers_mut();
        headers.insert(TRACEPARENT, trace.header());
        headers.insert(REQUEST_ID, id);
        Ok(response)
    }
}

/// A request and its response, as metrics and the log tell of them.
struct Answered<'a> {
    id: &'a str,
    trace: Trace,
    operation: HttpOperation,
    method: Method,
    path: &'a str,
    status: u16,
    took: Duration,
    facts: Facts,
}

impl Answered<'_> {
    fn record(self) {
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
        tracing::info!(
            target: "orders::access",
            request_id = self.id,
            trace_id = %self.trace.id(),
            method = self.method.as_str(),
            path = self.path,
            operation = self.operation.name(),
            status = self.status,
            outcome = outcome.map(RequestOutcome::name),
            order = self.facts.order.map(field::display),
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
                    path = self.path,
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

/// The id that the client chose, if it is reasonable, or else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let chosen = headers.get(REQUEST_ID).filter(|id| {
        (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    chosen.cloned().unwrap_or_else(|| {
        let id = Uuid::now_v7().to_string();
        HeaderValue::try_from(id).expect("a UUID is visible ASCII")
    })
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
