//! Maintenance over HTTP.

use poem::Request;
use poem_openapi::{ApiResponse, OpenApi};
use serde::Serialize;

use super::auth::Caller;
use super::document::Tag;
use super::problem::{Kind, Problem};
use super::schema::{self, RawJson};
use crate::chain::Chain;
use crate::idempotency::{SweepError, Sweeper};

/// The operations of the operator.
pub(super) struct AdminApi {
    pub(super) sweeper: Sweeper,
}

#[derive(ApiResponse)]
enum CleanedUp {
    /// The sweep has ended.
    #[oai(status = 200)]
    Done(RawJson<schema::Cleanup>),
}

#[OpenApi(tag = "Tag::Service")]
impl AdminApi {
    /// Sweep expired keys
    ///
    /// Deletes the stored answers of all keys that are older than the key retention, and returns
    /// their number. The server does the same by itself from time to time. Needs an admin token; if
    /// clients are not authenticated, only those on the same machine may ask for it.
    #[oai(
        path = "/admin/cleanup",
        method = "post",
        operation_id = "sweep_expired_keys"
    )]
    async fn cleanup(&self, caller: Caller, request: &Request) -> Result<CleanedUp, Problem> {
        #[derive(Serialize)]
        struct Cleanup {
            deleted: u64,
        }
        caller.check_admin(request)?;
        let sweeper = self.sweeper.clone();
        // In a task of its own: a client that goes away interrupts no transaction.
        let sweep = tokio::spawn(async move { sweeper.sweep().await });
        match sweep.await {
            Ok(Ok(swept)) => Ok(CleanedUp::Done(RawJson::of(&Cleanup {
                deleted: swept.answers,
            }))),
            Ok(Err(SweepError::Database(error))) => Err(Problem::from_read_error(&error)),
            Ok(Err(SweepError::Connect(error))) => {
                tracing::warn!(error = %Chain(&error), "cannot sweep");
                Err(Kind::Unavailable.into())
            }
            Err(_panic) => Err(Kind::Internal.into()),
        }
    }
}
