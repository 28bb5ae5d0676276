//! What surrounds every handler: request ids, the access log, and responses to errors and panics.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Request, Response};
use uuid::Uuid;

use super::document;
use super::problem::{Kind, Problem, accepts_problem_json};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is accepted from a client.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Gives every request an id, in its header and in that of its response, and logs one line for it.
#[derive(Debug)]
pub struct WithRequestId<E>(pub E);

impl<E: Endpoint<Output = Response>> Endpoint for WithRequestId<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let id = request_id(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let started = Instant::now();
        let mut response = self.0.call(request).await?;
        tracing::debug!(
            target: "orders::access",
            request_id = id.to_str().unwrap_or_default(),
            %method,
            path = uri.path(),
            status = response.status().as_u16(),
            duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        );
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
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
        let id = request.headers().get(REQUEST_ID).cloned();
        let uri = request.uri().clone();
        // A panic unwinds one request only: handlers share no state that it could leave broken.
        let result = AssertUnwindSafe(self.0.call(request)).catch_unwind().await;
        let problem = match result {
            Ok(Ok(output)) => return Ok(output.into_response()),
            Ok(Err(error)) => Problem::from(error),
            Err(_panic) => {
                let id = id.as_ref().and_then(|id| id.to_str().ok());
                tracing::error!(request_id = id, "a handler panicked");
                Kind::Internal.into()
            }
        };
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
