//! The two bodies of a problem. The types are their schemas as well.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::Serialize;

use super::{Kind, Problem};

/// Why a request was refused.
#[derive(Object, Serialize)]
#[oai(example)]
pub(super) struct Error {
    /// The rule that was broken, for people.
    error: String,
    /// Stable name of the problem, for programs. Absent only if the `Idempotency-Key` header is
    /// missing.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl From<&Problem> for Error {
    fn from(problem: &Problem) -> Self {
        // The contract fixes the body for a missing key to the byte.
        let has_code = problem.kind != Kind::KeyRequired;
        Self {
            error: problem.to_string(),
            code: has_code.then(|| problem.kind.row().code.to_owned()),
        }
    }
}

impl Example for Error {
    fn example() -> Self {
        Self::from(&Problem::from(Kind::KeyReused))
    }
}

/// Why a request was refused, as defined by RFC 9457. Sent to clients that accept
/// `application/problem+json`.
#[derive(Object, Serialize)]
#[oai(rename = "Problem", example)]
pub(super) struct ProblemJson {
    /// URI of the problem type: a name, not an address.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// The problem type, for people.
    title: String,
    /// Status code of the response.
    status: u16,
    /// The rule that was broken, for people.
    detail: String,
    /// Stable name of the problem, for programs.
    code: String,
}

impl From<&Problem> for ProblemJson {
    fn from(problem: &Problem) -> Self {
        let row = problem.kind.row();
        Self {
            kind: format!("urn:orders:problem:{}", kebab_case(row.code)),
            title: row.title.to_owned(),
            status: row.status.as_u16(),
            detail: problem.to_string(),
            code: row.code.to_owned(),
        }
    }
}

impl Example for ProblemJson {
    fn example() -> Self {
        Self::from(&Problem::from(Kind::KeyReused))
    }
}

pub(super) fn kebab_case(code: &str) -> String {
    code.to_ascii_lowercase().replace('_', "-")
}

pub(super) fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("strings and numbers are always JSON")
}
