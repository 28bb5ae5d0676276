//! What each layer refuses, as a problem.

use poem::error::{MethodNotAllowedError, NotFoundError, ResponseError};
use poem::http::StatusCode;
use poem_openapi::error::{ParseParamError, ParsePathError};
use sea_orm::DbErr;

use super::Problem;
use crate::db;
use crate::idempotency::{Error, InvalidKey};
use crate::json::InvalidJson;
use crate::order::InvalidOrder;

/// The rules of parameters, as people say them.
pub(in crate::http) const LIMIT_RULE: &str = "limit must be a whole number from 1 to 1000";
const AFTER_RULE: &str = "after must be the id of an order";

impl Problem {
    /// Whether a failed read is worth another try. Anything else is a bug, logged here.
    pub(in crate::http) fn of_read(error: &DbErr) -> Self {
        if db::class(error) == db::ErrorClass::Rejected {
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
