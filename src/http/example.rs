//! What refusals look like, for the document.

use super::problem::{LIMIT_RULE, Problem};
use crate::idempotency::{Error, InvalidKey};
use crate::order::InvalidOrder;

/// At least one example for every status with which an operation can be refused.
pub(super) fn refusals(operation_id: &str) -> Vec<Problem> {
    let away = || Problem::Unavailable("the database is not available".into());
    let mut problems = match operation_id {
        "place_order" => vec![
            Problem::KeyRequired,
            InvalidKey::TooLong(256).into(),
            InvalidOrder::Quantity.into(),
            Problem::BodyTimeout,
            Problem::KeyReused,
            Problem::KeyInUse,
            Problem::BodyTooLarge(65_536),
            Problem::MediaType,
            Error::Overloaded.into(),
        ],
        "list_orders" => vec![Problem::ParameterInvalid(LIMIT_RULE.to_owned()), away()],
        "find_order" => vec![Problem::NotFound, away()],
        "check_health" => vec![away()],
        _ => Vec::new(),
    };
    problems.push(Problem::Internal);
    problems
}
