//! What the end of one attempt means.

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use serde::Deserialize;

use super::outcome::{Interruption, Order, Refusal};
use super::retry::retry_after;

/// The end of one attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// There is an order.
    Placed { order: Order, replayed: bool },
    /// Another attempt would end the same.
    Refused(Refusal),
    /// Worth another attempt.
    Interrupted(Interruption),
}

/// An error body: the service's own, or RFC 9457 problem details.
#[derive(Deserialize)]
struct ErrorBody {
    code: Option<String>,
    error: Option<String>,
    detail: Option<String>,
}

impl Attempt {
    /// Reads a complete answer.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Self {
        if status.is_success() {
            return match serde_json::from_slice(body) {
                Ok(order) => Self::Placed {
                    order,
                    replayed: header(headers, "idempotent-replayed") == Some("true"),
                },
                // Such as the page of a captive portal.
                Err(_) => Self::Interrupted(Interruption::Foreign {
                    status: status.as_u16(),
                }),
            };
        }
        let answer = Refusal::read(status, headers, body);
        if is_transient(status, answer.code.as_deref()) {
            Self::Interrupted(Interruption::Later {
                answer,
                retry_after: retry_after(headers),
            })
        } else {
            Self::Refused(answer)
        }
    }
}

/// Whether the same request may be answered differently later. Statuses of RFC 9110 and 6585.
fn is_transient(status: StatusCode, code: Option<&str>) -> bool {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::CONFLICT => code == Some("IDEMPOTENCY_KEY_IN_USE"),
        _ => status.is_server_error(),
    }
}

impl Refusal {
    fn read(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Self {
        let body: Option<ErrorBody> = serde_json::from_slice(body).ok();
        let (code, message) =
            body.map_or((None, None), |body| (body.code, body.error.or(body.detail)));
        let reason = || status.canonical_reason().unwrap_or("no reason given");
        Self {
            status: status.as_u16(),
            code,
            message: message.unwrap_or_else(|| reason().to_owned()),
            location: header(headers, LOCATION.as_str()).map(str::to_owned),
        }
    }

    /// Whether the refusal settles earlier attempts of the same request as well: it is about key and
    /// payload, which all of them share, and not about who sends them, or where.
    pub(super) fn settles_earlier_attempts(&self) -> bool {
        matches!(self.status, 400 | 409 | 413 | 415 | 422)
    }
}

impl Interruption {
    /// Whether the attempt may have placed the order.
    pub(super) fn is_in_doubt(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Refused(_) => false,
            Self::Lost(_) | Self::Foreign { .. } => true,
            // The other statuses say that the request was not processed.
            Self::Later { answer, .. } => answer.status >= 500 || answer.status == 409,
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
