//! Whether this instance can do its work.

use std::time::Duration;

use poem_openapi::{ApiResponse, OpenApi};

use super::document::Tag;
use super::problem::Problem;
use super::response::{BUG, RawJson, Refusals, Refused};
use super::schema;
use crate::db::Database;

/// How long the database may take to answer. Less than a second, so that within one it is known
/// who is ready.
const TIMEOUT: Duration = Duration::from_millis(750);

/// Readiness.
pub(super) struct HealthApi {
    pub(super) database: Database,
}

#[derive(ApiResponse)]
enum Healthy {
    /// The database answers and its schema is current.
    #[oai(status = 200)]
    Ok(RawJson<schema::Health>),
}

struct Checking;

impl Refusals for Checking {
    const ALL: &'static [(u16, &'static str)] = &[
        BUG,
        (
            503,
            "The database does not answer, or its schema is not current.",
        ),
    ];
}

#[OpenApi(tag = "Tag::Service")]
impl HealthApi {
    /// Check readiness
    ///
    /// Whether this instance can take orders now.
    #[oai(path = "/health", method = "get", operation_id = "check_health")]
    async fn check(&self) -> Result<Healthy, Refused<Checking>> {
        let schema = self.database.schema();
        match tokio::time::timeout(TIMEOUT, schema.pending()).await {
            Ok(Ok(pending)) if pending.is_empty() => Ok(Healthy::Ok(RawJson::stored(
                bytes::Bytes::from_static(b"{\"status\":\"ok\"}"),
            ))),
            Ok(Ok(_)) => Err(unavailable("the schema is not current").into()),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "not healthy");
                Err(unavailable("the database is not available").into())
            }
            Err(_elapsed) => Err(unavailable("the database does not answer").into()),
        }
    }
}

fn unavailable(reason: &'static str) -> Problem {
    Problem::Unavailable(reason.into())
}
