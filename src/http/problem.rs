//! Everything that can be answered instead of what was asked for.
//!
//! One type for our own refusals and for those of the framework, in two forms: the short JSON
//! body, and RFC 9457 for clients that ask for `application/problem+json`.

use std::borrow::Cow;

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::error::{ParseParamError, ParsePathError};
use sea_orm::DbErr;
use serde::Serialize;

use crate::db;
use crate::idempotency::json::InvalidJson;
use crate::idempotency::{Error, InvalidKey};
use crate::order::InvalidOrder;

/// Media type of RFC 9457.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// After how many seconds a transient refusal is worth another try.
const RETRY_AFTER_SECONDS: &str = "1";

/// The rules of parameters, as people say them.
pub(super) const LIMIT_RULE: &str = "limit must be a whole number from 1 to 1000";
const AFTER_RULE: &str = "after must be the id of an order";

/// A refusal. Its text is the `error` member and the `detail`.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("Idempotency-Key header is required")]
    KeyRequired,
    #[error("Idempotency-Key is malformed: {0}")]
    KeyInvalid(Cow<'static, str>),
    #[error("Idempotency key reused with different request")]
    KeyReused,
    #[error("the first request with this Idempotency-Key is still in flight")]
    KeyInUse,
    #[error("{0}")]
    BodyInvalid(String),
    #[error("the body must be application/json")]
    MediaType,
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("{0}")]
    ParameterInvalid(String),
    #[error("{0}")]
    Unavailable(Cow<'static, str>),
    #[error("there is nothing at this path")]
    NotFound,
    #[error("this path does not have that method")]
    MethodNotAllowed,
    #[error("internal error")]
    Internal,
    #[error("{1}")]
    Framework(StatusCode, String),
}

/// What is the same for every problem of one kind.
struct Kind {
    status: StatusCode,
    /// Stable, for programs.
    code: &'static str,
    /// For people. Those of the IETF draft where it has one.
    title: &'static str,
}

impl Problem {
    fn kind(&self) -> Kind {
        let (status, code, title) = match self {
            Self::KeyRequired => (
                StatusCode::BAD_REQUEST,
                "IDEMPOTENCY_KEY_REQUIRED",
                "Idempotency-Key is missing",
            ),
            Self::KeyInvalid(_) => (
                StatusCode::BAD_REQUEST,
                "IDEMPOTENCY_KEY_INVALID",
                "Idempotency-Key is malformed",
            ),
            Self::KeyReused => (
                StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_REUSED",
                "Idempotency-Key is already used",
            ),
            Self::KeyInUse => (
                StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_IN_USE",
                "A request is outstanding for this Idempotency-Key",
            ),
            Self::BodyInvalid(_) => (StatusCode::BAD_REQUEST, "BODY_INVALID", "Body is invalid"),
            Self::MediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "MEDIA_TYPE_UNSUPPORTED",
                "Media type is not supported",
            ),
            Self::BodyTooLarge(_) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "Body is too large",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "BODY_TIMEOUT",
                "Body is too slow",
            ),
            Self::ParameterInvalid(_) => (
                StatusCode::BAD_REQUEST,
                "PARAMETER_INVALID",
                "Parameter is invalid",
            ),
            Self::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                "Service is unavailable",
            ),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", "Not found"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "Method is not allowed",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "Internal server error",
            ),
            Self::Framework(status, _) => (*status, "REQUEST_INVALID", "Request is invalid"),
        };
        Kind {
            status,
            code,
            title,
        }
    }

    /// The name for programs.
    pub(super) fn code(&self) -> &'static str {
        self.kind().code
    }

    /// Media type and body: RFC 9457 if `as_problem_json`, the short form otherwise.
    pub(super) fn body(&self, as_problem_json: bool) -> (&'static str, Vec<u8>) {
        let Kind {
            status,
            code,
            title,
        } = self.kind();
        let detail = self.to_string();
        if as_problem_json {
            let status = status.as_u16();
            (
                PROBLEM_JSON,
                to_json(&LongForm {
                    kind: urn(code),
                    title,
                    status,
                    detail,
                    code,
                }),
            )
        } else {
            // Only the two kinds of 409 ask for different actions.
            let code = (status == StatusCode::CONFLICT).then_some(code);
            (
                "application/json",
                to_json(&ShortForm {
                    error: detail,
                    code,
                }),
            )
        }
    }

    /// The response, in the form that [`Problem::body`] gives it.
    pub(super) fn render(&self, as_problem_json: bool) -> Response {
        let (media_type, body) = self.body(as_problem_json);
        let mut response = Response::builder()
            .status(self.kind().status)
            .content_type(media_type)
            .body(Body::from(body));
        if matches!(self, Self::KeyInUse | Self::Unavailable(_)) {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        // The rest of the body is not waited for, so no further request can follow it.
        if matches!(self, Self::BodyTooLarge(_) | Self::BodyTimeout) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// Whether a failed read is worth another try. Anything else is a bug, logged here.
    pub(super) fn of_read(error: &DbErr) -> Self {
        if db::class(error) == db::Class::Refused {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "read refused by the database"
            );
            Self::Internal
        } else {
            tracing::warn!(error = error as &dyn std::error::Error, "read failed");
            Self::Unavailable("the database is not available".into())
        }
    }
}

/// `{"error", "code"?}`
#[derive(Serialize)]
struct ShortForm {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// RFC 9457 §3.1, with `code` as an extension member.
#[derive(Serialize)]
struct LongForm {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
}

/// The problem type: a name, not an address.
fn urn(code: &str) -> String {
    format!(
        "urn:orders:problem:{}",
        code.to_ascii_lowercase().replace('_', "-")
    )
}

fn to_json(form: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(form).expect("strings and numbers are always JSON")
}

/// Whether the client asked for RFC 9457 by its `Accept` header.
pub(super) fn accepts_problem_json(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| {
            let weight = parameter
                .strip_prefix("q=")
                .and_then(|q| q.parse::<f32>().ok());
            weight == Some(0.0)
        });
        media_type.eq_ignore_ascii_case(PROBLEM_JSON) && !refused
    })
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.kind().status
    }
}

impl From<InvalidKey> for Problem {
    fn from(error: InvalidKey) -> Self {
        match error {
            InvalidKey::Blank => Self::KeyRequired,
            other => Self::KeyInvalid(other.to_string().into()),
        }
    }
}

impl From<InvalidJson> for Problem {
    fn from(error: InvalidJson) -> Self {
        Self::BodyInvalid(error.to_string())
    }
}

impl From<InvalidOrder> for Problem {
    fn from(error: InvalidOrder) -> Self {
        Self::BodyInvalid(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Reused => Self::KeyReused,
            Error::InUse => Self::KeyInUse,
            Error::Failed => Self::Internal,
            Error::Overloaded | Error::TimedOut | Error::ShuttingDown => {
                Self::Unavailable(format!("{error}, retry with the same Idempotency-Key").into())
            }
        }
    }
}

/// What the framework refused, and what our handlers refused through it.
impl From<poem::Error> for Problem {
    fn from(error: poem::Error) -> Self {
        let error = match error.downcast::<Problem>() {
            Ok(problem) => return problem,
            Err(error) => error,
        };
        // A path whose id is no id names nothing either.
        if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
            return Self::NotFound;
        }
        if error.is::<MethodNotAllowedError>() {
            return Self::MethodNotAllowed;
        }
        if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
            return Self::ParameterInvalid(match *name {
                "limit" => LIMIT_RULE.to_owned(),
                "after" => AFTER_RULE.to_owned(),
                name => format!("{name}: {reason}"),
            });
        }
        match error.status() {
            status if status.is_client_error() => Self::Framework(status, error.to_string()),
            _ => {
                tracing::error!(%error, "the framework failed");
                Self::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_json_is_for_those_who_name_it() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepts_problem_json(&headers)
        };
        assert!(asked("application/problem+json"));
        assert!(asked("application/json, Application/Problem+JSON;q=0.5"));
        assert!(!asked("application/json"));
        assert!(!asked("*/*"));
        assert!(!asked("application/problem+json;q=0"));
        assert!(!accepts_problem_json(&HeaderMap::new()));
    }
}
