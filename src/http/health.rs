//! Readiness: whether this instance can do its work.

use std::time::Duration;

use bytes::Bytes;
use poem_openapi::{ApiResponse, OpenApi};

use super::document::Tag;
use super::problem::{Kind, Problem};
use super::schema::{self, RawJson};
use crate::chain::Chain;
use crate::db::Database;

/// How long the database may take to answer. Below one second, so that readiness follows the
/// database within a second.
const TIMEOUT: Duration = Duration::from_millis(750);

/// The readiness probe.
pub(super) struct HealthApi {
    pub(super) database: Database,
}

#[derive(ApiResponse)]
enum Healthy {
    /// The database answers and its schema is current.
    #[oai(status = 200)]
    Ok(RawJson<schema::Health>),
}

#[OpenApi(tag = "Tag::Service")]
impl HealthApi {
    /// Check readiness
    ///
    /// Tells whether this instance can take orders now: the database answers and its schema is
    /// current.
    #[oai(path = "/health", method = "get", operation_id = "check_health")]
    async fn check(&self) -> Result<Healthy, Problem> {
        let unavailable = |detail: &'static str| Problem::new(Kind::Unavailable, detail);
        let schema = self.database.schema();
        match tokio::time::timeout(TIMEOUT, schema.pending()).await {
            Ok(Ok(pending)) if pending.is_empty() => {
                let body = Bytes::from_static(br#"{"status":"ok"}"#);
                Ok(Healthy::Ok(RawJson::from_bytes(body)))
            }
            Ok(Ok(_)) => Err(unavailable("the schema is not current")),
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "not ready");
                Err(unavailable("the database is not available"))
            }
            Err(_elapsed) => Err(unavailable("the database does not answer")),
        }
    }
}
