//! Readiness: whether this instance can do its work. Liveness: whether it answers at all.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use poem_openapi::{ApiResponse, OpenApi};

use super::document::Tag;
use super::problem::{Kind, Problem};
use super::schema::{self, RawJson};
use super::server::Draining;
use crate::chain::Chain;
use crate::db::Database;

/// How long the database may take to answer. Below one second, so that readiness follows the
/// database within a second.
const TIMEOUT: Duration = Duration::from_millis(750);

/// The readiness probe.
pub(super) struct HealthApi {
    pub(super) database: Database,
    pub(super) draining: Draining,
}

#[derive(ApiResponse)]
enum Healthy {
    /// The database answers and its schema is current.
    #[oai(status = 200)]
    Ok(RawJson<schema::Health>),
}

#[derive(ApiResponse)]
enum Alive {
    /// The process answers.
    #[oai(status = 200)]
    Ok(RawJson<schema::Health>),
}

fn ok() -> RawJson<schema::Health> {
    RawJson::from_bytes(Bytes::from_static(br#"{"status":"ok"}"#))
}

#[OpenApi(tag = "Tag::Service")]
impl HealthApi {
    /// Check readiness
    ///
    /// Tells whether this instance can take orders now: the database answers and its schema is
    /// current, and it is not shutting down.
    #[oai(path = "/health", method = "get", operation_id = "check_health")]
    async fn check(&self) -> Result<Healthy, Problem> {
        let unavailable = |detail: &'static str| Problem::new(Kind::Unavailable, detail);
        if self.draining.load(Ordering::Relaxed) {
            return Err(unavailable("the service is shutting down"));
        }
        let schema = self.database.schema();
        match tokio::time::timeout(TIMEOUT, schema.pending()).await {
            Ok(Ok(pending)) if pending.is_empty() => Ok(Healthy::Ok(ok())),
            Ok(Ok(_)) => Err(unavailable("the schema is not current")),
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "not ready");
                Err(unavailable("the database is not available"))
            }
            Err(_elapsed) => Err(unavailable("the database does not answer")),
        }
    }

    /// Check liveness
    ///
    /// Tells only that the process answers. A restart does not bring back a database: use this, not
    /// `/health`, to decide on one.
    #[oai(path = "/livez", method = "get", operation_id = "check_liveness")]
    #[allow(
        clippy::unused_async,
        reason = "the framework takes async functions only"
    )]
    async fn live(&self) -> Alive {
        Alive::Ok(ok())
    }
}
