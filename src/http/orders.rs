//! Orders over HTTP.

use std::sync::Arc;

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::answered::Answered;
use super::auth::Caller;
use super::document::Tag;
use super::middleware::request_id;
use super::observed::note;
use super::problem::{Kind, Problem};
use super::request::{BodyLimits, JsonBody, Key};
use super::schema::{self, RawJson};
use crate::db::Connection;
use crate::idempotency::{Executor, Fingerprint, Operation, Scope, ScopedKey};
use crate::json::Json;
use crate::order::{self, NewOrder, Order, PlaceOrder};

/// The operations on orders.
pub(super) struct OrdersApi {
    pub(super) executor: Executor<PlaceOrder>,
    pub(super) reads: Connection,
    pub(super) body_limits: BodyLimits,
    pub(super) event_source: Option<Arc<str>>,
}

#[derive(ApiResponse)]
enum Found {
    /// The order.
    #[oai(status = 200)]
    Order(RawJson<schema::Order>),
}

#[derive(ApiResponse)]
enum Listed {
    /// A page of orders, oldest first.
    #[oai(status = 200)]
    Page(RawJson<schema::Page>),
}

#[OpenApi(tag = "Tag::Orders")]
impl OrdersApi {
    /// Place an order
    ///
    /// Places exactly one order for a key, no matter how often and how concurrently the request is
    /// sent. If the response is lost, repeat the request with the same key.
    #[oai(path = "/orders", method = "post", operation_id = "place_order")]
    async fn place(
        &self,
        caller: Caller,
        /// A name that the client chooses, a new one for each order: 1 to 255 visible ASCII
        /// characters, bare or as a Structured-Field string (`"…"`). The header
        /// `X-Idempotency-Key` is an alias.
        #[oai(name = "Idempotency-Key", example = "example_key")]
        key: Key,
        body: JsonBody<schema::NewOrder>,
        request: &Request,
    ) -> Result<Answered<schema::Order>, Problem> {
        let body = body.read(self.body_limits).await?;
        let payload = Json::parse(&body)?;
        let mut order =
            PlaceOrder::new(NewOrder::from_json(&payload)?).for_tenant(caller.tenant.clone());
        if let Some(source) = &self.event_source {
            order = order.with_event(source);
        }
        let fingerprint = Fingerprint::of(PlaceOrder::NAME, &payload);
        let key = ScopedKey {
            scope: Scope::of(PlaceOrder::NAME, &caller.tenant),
            key: key.0,
        };
        let execution = self
            .executor
            .execute_in_detail(key, fingerprint, order, request_id(request.headers()))
            .await;
        note(|facts| facts.executed(&execution));
        Answered::new(execution.result, "/orders", self.executor.retention())
    }

    /// List orders
    ///
    /// Returns orders in pages, oldest first. Pages do not shift while new orders arrive.
    #[oai(path = "/orders", method = "get", operation_id = "list_orders")]
    async fn list(
        &self,
        caller: Caller,
        /// The maximum number of orders to return.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "1000"))
        )]
        limit: Query<u64>,
        /// Return only orders after this one: the value of `next` on the previous page.
        after: Query<Option<Uuid>>,
    ) -> Result<Listed, Problem> {
        #[derive(Serialize)]
        struct Page {
            orders: Vec<Order>,
            next: Option<Uuid>,
        }
        let page = order::list(&self.reads, &caller.tenant, limit.0, after.0).await;
        let page = page.map_err(|error| Problem::from_read_error(&error))?;
        Ok(Listed::Page(RawJson::of(&Page {
            orders: page.orders,
            next: page.next,
        })))
    }

    /// Find an order
    ///
    /// Returns the same bytes as the response that placed the order.
    #[oai(path = "/orders/:id", method = "get", operation_id = "find_order")]
    async fn find(
        &self,
        caller: Caller,
        /// The id of the order.
        id: Path<Uuid>,
    ) -> Result<Found, Problem> {
        let order = order::find(&self.reads, &caller.tenant, id.0).await;
        let order = order.map_err(|error| Problem::from_read_error(&error))?;
        note(|facts| facts.order = Some(id.0));
        Ok(Found::Order(RawJson::of(&order.ok_or(Kind::NotFound)?)))
    }
}

fn default_limit() -> u64 {
    100
}

fn example_key() -> String {
    "8e03978e-40d5-43e8-bc93-6894a57f9324".to_owned()
}
