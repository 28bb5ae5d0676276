//! Problems: everything that is answered instead of what was asked for, by our handlers and by the
//! framework.
//!
//! A problem has two bodies: a short one, and that of RFC 9457 for clients that accept
//! `application/problem+json`.

mod body;
mod convert;
mod document;
mod kind;

use std::borrow::Cow;

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Body, Response};

use self::body::{Error, ProblemJson, to_json};

pub(super) use self::document::{can_end_in, describe_problems};
pub use self::kind::Kind;

/// Media type of RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

/// A problem. Its text is `error` in the short body and `detail` in that of RFC 9457.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    /// Headers whose values depend on the request.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self::new(kind, kind.row().detail)
    }
}

impl Problem {
    /// A problem whose text depends on the request.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with_header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.with_headers([(name, value)])
    }

    pub(super) fn with_headers(
        mut self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The response, with the body of RFC 9457 if `as_problem_json`.
    pub(super) fn into_response(self, as_problem_json: bool) -> Response {
        let (media_type, body) = if as_problem_json {
            (PROBLEM_JSON, to_json(&ProblemJson::from(&self)))
        } else {
            ("application/json", to_json(&Error::from(&self)))
        };
        let row = self.kind.row();
        let mut response = Response::builder()
            .status(row.status)
            .content_type(media_type)
            .body(Body::from(body));
        let headers = response.headers_mut();
        for header in row.headers {
            if let Some(value) = header.value {
                let name = HeaderName::from_bytes(header.name.as_bytes());
                let name = name.expect("the table has valid names");
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        headers.extend(self.headers);
        // The rest of the body is not read, so no request can follow on this connection.
        if matches!(self.kind, Kind::BodyTooLarge | Kind::BodyTimeout) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whether the `Accept` header names RFC 9457's media type.
pub(super) fn accepts_problem_json(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let excluded = parts.any(|parameter| {
            let weight = parameter
                .strip_prefix("q=")
                .and_then(|q| q.parse::<f32>().ok());
            weight == Some(0.0)
        });
        media_type.eq_ignore_ascii_case(PROBLEM_JSON) && !excluded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_json_is_sent_only_to_clients_that_name_it() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepts_problem_json(&headers)
        };
        assert!(accepts("application/problem+json"));
        assert!(accepts("application/json, Application/Problem+JSON;q=0.5"));
        assert!(!accepts("application/json"));
        assert!(!accepts("*/*"));
        assert!(!accepts("application/problem+json;q=0"));
        assert!(!accepts_problem_json(&HeaderMap::new()));
    }
}
