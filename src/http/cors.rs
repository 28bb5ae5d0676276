//! Cross-origin requests of browsers: refused by default, allowed for listed origins.

use std::fmt;
use std::str::FromStr;

use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, Response};
use url::Url;

/// Headers that a page of another origin may send.
const REQUEST_HEADERS: &str = "Accept, Authorization, Content-Type, Idempotency-Key, \
                               X-Idempotency-Key, X-Request-Id, traceparent, tracestate";

/// Headers of a response that it may read, besides those that it always may.
const RESPONSE_HEADERS: &str = "Idempotent-Replayed, Idempotency-Expires, \
                                Idempotent-Original-Request-Id, Location, RateLimit, \
                                RateLimit-Policy, Retry-After, X-Request-Id";

/// Seconds for which a browser may remember the answer to its question.
const MAX_AGE: &str = "600";

/// An origin whose pages may use the API, or any origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsOrigin(String);

/// A text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an origin such as https://shop.example, without a path, or *")]
pub struct InvalidOrigin;

impl FromStr for CorsOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let url = Url::parse(text).map_err(|_| InvalidOrigin)?;
        let origin = url.origin().ascii_serialization();
        let is_web = matches!(url.scheme(), "http" | "https");
        if is_web && text.trim_end_matches('/').eq_ignore_ascii_case(&origin) {
            Ok(Self(origin))
        } else {
            Err(InvalidOrigin)
        }
    }
}

impl fmt::Display for CorsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lets browsers send requests from pages of the listed origins. Requests of other origins are
/// answered without permission to read the response.
#[derive(Debug)]
pub(super) struct WithCors<E> {
    pub(super) origins: Vec<CorsOrigin>,
    pub(super) inner: E,
}

impl<E> WithCors<E> {
    /// The value of `Access-Control-Allow-Origin`, if the request is of an allowed origin.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let is_listed = |allowed: &&CorsOrigin| allowed.0 == "*" || *origin == allowed.0;
        let allowed = self.origins.iter().find(is_listed)?;
        if allowed.0 == "*" {
            return Some(HeaderValue::from_static("*"));
        }
        Some(origin.clone())
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for WithCors<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if self.origins.is_empty() {
            return self.inner.call(request).await;
        }
        let allowed = self.allowed(request.headers());
        let is_preflight = request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match &allowed {
            Some(_) if is_preflight => preflight(),
            _ => self.inner.call(request).await?,
        };
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = HeaderValue::from_static(RESPONSE_HEADERS);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        Ok(response)
    }
}

/// The answer to a browser that asks before it sends the request.
fn preflight() -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)
        .header(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for valid in [
            "*",
            "https://shop.example",
            "http://localhost:8080",
            "https://a.b/",
        ] {
            assert!(valid.parse::<CorsOrigin>().is_ok(), "{valid}");
        }
        for invalid in [
            "",
            "shop.example",
            "https://shop.example/x",
            "file:///x",
            "null",
        ] {
            assert_eq!(
                invalid.parse::<CorsOrigin>(),
                Err(InvalidOrigin),
                "{invalid}"
            );
        }
    }
}
