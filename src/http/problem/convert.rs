//! Problems from the errors of other layers and of the framework.

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::{HeaderValue, StatusCode, header};
use poem_openapi::error::{ParseParamError, ParsePathError};
use sea_orm::DbErr;

use super::{Kind, Problem};
use crate::chain::Chain;
use crate::db;
use crate::http::observed::note;
use crate::idempotency::{Error, InvalidKey};
use crate::json::InvalidJson;
use crate::order::InvalidOrder;

impl Problem {
    /// A failed read: transient, or else a bug. It is logged with the request.
    #[must_use]
    pub fn from_read_error(error: &DbErr) -> Self {
        note(|facts| facts.cause = Some(Chain(error).to_string()));
        if db::class(error) == db::ErrorClass::Rejected {
            Kind::Internal.into()
        } else {
            Kind::Unavailable.into()
        }
    }
}

impl ResponseError for Problem {
    fn status(&self) -> StatusCode {
        self.kind.row().status
    }
}

impl From<InvalidKey> for Problem {
    fn from(error: InvalidKey) -> Self {
        match error {
            InvalidKey::Blank => Kind::KeyRequired.into(),
            other => Self::new(
                Kind::KeyInvalid,
                format!("Idempotency-Key is malformed: {other}"),
            ),
        }
    }
}

impl From<InvalidJson> for Problem {
    fn from(error: InvalidJson) -> Self {
        Self::new(Kind::BodyInvalid, error.to_string())
    }
}

impl From<InvalidOrder> for Problem {
    fn from(error: InvalidOrder) -> Self {
        Self::new(Kind::BodyInvalid, error.to_string())
    }
}

impl Problem {
    /// A request that was not executed; `collection` is the path under which its resource is found.
    pub(in crate::http) fn from_execution(error: Error, collection: &str) -> Self {
        match error {
            Error::Expired {
                created: Some(resource),
            } => {
                let location = HeaderValue::try_from(format!("{collection}/{resource}"));
                let location = location.expect("a path and a UUID are visible ASCII");
                Self::from(Kind::KeyExpired).with_header(header::LOCATION, location)
            }
            Error::Expired { created: None } => Kind::KeyExpired.into(),
            Error::Reused => Kind::KeyReused.into(),
            Error::InUse => Kind::KeyInUse.into(),
            Error::Failed => Kind::Internal.into(),
            Error::Overloaded | Error::TimedOut | Error::ShuttingDown => Self::new(
                Kind::Unavailable,
                format!("{error}, retry with the same Idempotency-Key"),
            ),
        }
    }
}

/// An error that our handlers returned through the framework, or one of its own.
impl From<poem::Error> for Problem {
    fn from(error: poem::Error) -> Self {
        let error = match error.downcast::<Problem>() {
            Ok(problem) => return problem,
            Err(error) => error,
        };
        if error.is::<NotFoundError>() {
            return Self::new(Kind::NotFound, "not found");
        }
        // Only orders have an id in their path: one that is malformed belongs to no order.
        if error.is::<ParsePathError>() {
            return Kind::NotFound.into();
        }
        if error.is::<MethodNotAllowedError>() {
            return Kind::MethodNotAllowed.into();
        }
        if let Some(error) = error.downcast_ref::<ParseParamError>() {
            return invalid_parameter(error);
        }
        if error.status().is_client_error() {
            return Self::new(Kind::RequestInvalid, error.to_string());
        }
        note(|facts| facts.cause = Some(error.to_string()));
        Kind::Internal.into()
    }
}

/// The rule of the parameter, instead of the parser's message.
fn invalid_parameter(error: &ParseParamError) -> Problem {
    let rule = match error.name {
        "limit" => "limit must be a whole number from 1 to 1000".to_owned(),
        "after" => "after must be the id of an order".to_owned(),
        name => format!("{name}: {}", error.reason),
    };
    Problem::new(Kind::ParameterInvalid, rule)
}
