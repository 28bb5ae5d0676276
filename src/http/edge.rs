//! The edge of the service: every request gets an id, every refusal a body, every panic an
//! answer.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use poem::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response};
use uuid::Uuid;

use super::document;
use super::problem::{Problem, accepts_problem_json};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is taken over from a client.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Wraps the routes.
pub(super) struct Edge;

impl<E: Endpoint> Middleware<E> for Edge {
    type Output = EdgeEndpoint<E>;

    fn transform(&self, routes: E) -> EdgeEndpoint<E> {
        EdgeEndpoint {
            routes,
            methods: document::methods(),
        }
    }
}

/// See [`Edge`].
pub(super) struct EdgeEndpoint<E> {
    routes: E,
    methods: Vec<(Vec<Option<String>>, Vec<Method>)>,
}

impl<E: Endpoint> Endpoint for EdgeEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let id = request_id(request.headers());
        let as_problem_json = accepts_problem_json(request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let started = std::time::Instant::now();

        // A panic unwinds out of one request only; nothing is shared that it could leave halfway.
        let called = AssertUnwindSafe(self.routes.call(request))
            .catch_unwind()
            .await;
        let mut response = match called {
            Ok(Ok(output)) => output.into_response(),
            Ok(Err(error)) => self.refuse(uri.path(), &Problem::from(error), as_problem_json),
            Err(_panic) => {
                tracing::error!(request_id = ?id, "a handler panicked");
                Problem::Internal.render(as_problem_json)
            }
        };

        tracing::debug!(
            target: "orders::access",
            request_id = ?id,
            %method,
            path = uri.path(),
            status = response.status().as_u16(),
            duration_us = started.elapsed().as_micros(),
        );
        response.headers_mut().insert(REQUEST_ID, id);
        Ok(response)
    }
}

impl<E> EdgeEndpoint<E> {
    fn refuse(&self, path: &str, problem: &Problem, as_problem_json: bool) -> Response {
        let mut response = problem.render(as_problem_json);
        if matches!(problem, Problem::MethodNotAllowed) {
            let allow = HeaderValue::from_str(&self.allowed(path));
            let allow = allow.expect("names of methods are header values");
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }

    /// The methods of a path, for `Allow` (RFC 9110 §15.5.6).
    fn allowed(&self, path: &str) -> String {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let matches = |pattern: &[Option<String>]| {
            pattern.len() == segments.len()
                && pattern
                    .iter()
                    .zip(&segments)
                    .all(|(want, have)| want.as_ref().is_none_or(|want| want == have))
        };
        let known = self.methods.iter().find(|(pattern, _)| matches(pattern));
        // Pages outside the document are for reading.
        let methods = known.map_or(&[Method::GET][..], |(_, methods)| methods);
        let mut names: Vec<&str> = methods.iter().map(Method::as_str).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.join(", ")
    }
}

/// The client's id for this request, if it is a reasonable one, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len())
            && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    given.cloned().unwrap_or_else(|| {
        let id = Uuid::now_v7().to_string();
        HeaderValue::try_from(id).expect("a UUID is visible ASCII")
    })
}
