//! What became of a key.

use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::auth::Caller;
use super::document::Tag;
use super::problem::{Kind, Problem};
use super::schema::{self, RawJson};
use crate::db::Connection;
use crate::idempotency::{self, IdempotencyKey, Operation, Retention, Scope, ScopedKey};
use crate::order::PlaceOrder;

/// The operations on keys.
pub(super) struct KeysApi {
    pub(super) reads: Connection,
    pub(super) retention: Retention,
}

#[derive(ApiResponse)]
enum Found {
    /// The key is stored.
    #[oai(status = 200)]
    Key(RawJson<schema::StoredKey>),
}

#[OpenApi(tag = "Tag::Orders")]
impl KeysApi {
    /// Look up an idempotency key
    ///
    /// Tells what became of the requests with a key, for reconciling after an outage. 404 if no order
    /// was placed with the key, or so long ago that the key is forgotten. A request that is still in
    /// flight may place its order later.
    #[oai(
        path = "/idempotency-keys/:key",
        method = "get",
        operation_id = "find_key"
    )]
    async fn find(
        &self,
        caller: Caller,
        /// The key, percent-encoded.
        key: Path<String>,
    ) -> Result<Found, Problem> {
        #[derive(Serialize)]
        struct StoredKey {
            key: String,
            order: Option<Uuid>,
            created: String,
            expires: String,
            expired: bool,
        }
        // What is no key was never used as one.
        let key = IdempotencyKey::parse(key.0.as_bytes()).map_err(|_| Kind::KeyUnknown)?;
        let text = key.as_str().to_owned();
        let scope = Scope::of(PlaceOrder::NAME, &caller.tenant);
        let found = idempotency::find(&self.reads, &ScopedKey { scope, key }).await;
        let found = found.map_err(|error| Problem::from_read_error(&error))?;
        let found = found.ok_or(Kind::KeyUnknown)?;
        let expires = found.created + self.retention.answers;
        Ok(Found::Key(RawJson::of(&StoredKey {
            key: text,
            order: found.resource,
            created: humantime::format_rfc3339_millis(found.created).to_string(),
            expires: humantime::format_rfc3339_millis(expires).to_string(),
            expired: found.expired,
        })))
    }
}
