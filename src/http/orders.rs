//! Orders over HTTP.

use poem_openapi::param::{Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use serde::Serialize;
use uuid::Uuid;

use super::document::Tag;
use super::problem::Problem;
use super::request::{BodyBounds, Key, OrderBody, new_order};
use super::response::{BUG, RawJson, Refusals, Refused};
use super::schema;
use crate::db::Connection;
use crate::idempotency::{
    Answer, Executor, Fingerprint, Operation, Outcome, Scope, ScopedKey, StoredAnswer,
};
use crate::json::Json;
use crate::order::{self, Order, PlaceOrder};

/// Orders: place, find, list.
pub(super) struct OrdersApi {
    pub(super) executor: Executor<PlaceOrder>,
    pub(super) reads: Connection,
    pub(super) body: BodyBounds,
}

#[derive(ApiResponse)]
enum Placed {
    /// A new order.
    #[oai(status = 201)]
    Created(
        RawJson<schema::Order>,
        /// The path of the order.
        #[oai(header = "Location")]
        String,
    ),
    /// The order that an earlier request with this key and payload placed, byte for byte as it
    /// was answered then.
    #[oai(status = 200)]
    Replayed(
        RawJson<schema::Order>,
        /// The path of the order.
        #[oai(header = "Location")]
        String,
        /// Always true.
        #[oai(header = "Idempotent-Replayed")]
        bool,
    ),
}

impl From<Outcome> for Placed {
    fn from(outcome: Outcome) -> Self {
        let location = |stored: &StoredAnswer| format!("/orders/{}", stored.resource);
        let body = |stored: StoredAnswer| match stored.answer {
            Answer::Accepted(body) | Answer::Refused { body, .. } => body,
        };
        match outcome {
            Outcome::Created(stored) => {
                let location = location(&stored);
                Self::Created(RawJson::stored(body(stored)), location)
            }
            Outcome::Replayed(stored) => {
                let location = location(&stored);
                Self::Replayed(RawJson::stored(body(stored)), location, true)
            }
        }
    }
}

#[derive(ApiResponse)]
enum Found {
    /// The order.
    #[oai(status = 200)]
    Order(RawJson<schema::Order>),
}

#[derive(ApiResponse)]
enum Listed {
    /// Some orders, oldest first.
    #[oai(status = 200)]
    Page(RawJson<schema::Page>),
}

const AWAY: (u16, &str) = (503, "The database is away. Try again.");

struct Placing;

impl Refusals for Placing {
    const ALL: &'static [(u16, &'static str)] = &[
        (
            400,
            "The key is missing or malformed, or the body is malformed or invalid. A key that came with an invalid body is not used up.",
        ),
        (408, "The body did not arrive in time."),
        (
            409,
            "The key was used for a different payload (code `IDEMPOTENCY_KEY_REUSED`), or its first request is still in flight (code `IDEMPOTENCY_KEY_IN_USE`: retry after a while).",
        ),
        (413, "The body is too large."),
        (415, "The body is not JSON."),
        BUG,
        (
            503,
            "Too busy, or the database is away. Retry with the same key.",
        ),
    ];
}

struct Finding;

impl Refusals for Finding {
    const ALL: &'static [(u16, &'static str)] =
        &[(404, "There is no order with this id."), BUG, AWAY];
}

struct Listing;

impl Refusals for Listing {
    const ALL: &'static [(u16, &'static str)] = &[(400, "A parameter is invalid."), BUG, AWAY];
}

#[OpenApi(tag = "Tag::Orders")]
impl OrdersApi {
    /// Place an order
    ///
    /// Exactly one order is placed for a key, however often and however concurrently the request
    /// arrives. Whenever the answer was lost, retry with the same key.
    #[oai(path = "/orders", method = "post", operation_id = "place_order")]
    async fn place(
        &self,
        /// Chosen by the client, one for each order it means to place: 1 to 255 visible ASCII
        /// characters, bare or as a Structured-Field string (`"…"`). `X-Idempotency-Key` is
        /// accepted as another name of this header.
        #[oai(name = "Idempotency-Key", example = "example_key")]
        key: Key,
        body: OrderBody,
    ) -> Result<Placed, Refused<Placing>> {
        let body = body.read(self.body).await?;
        let payload = Json::parse(&body)?;
        let order = PlaceOrder::new(new_order(&payload)?);
        let fingerprint = Fingerprint::of(PlaceOrder::NAME, &payload);
        let key = ScopedKey {
            scope: Scope::shared(PlaceOrder::NAME),
            key: key.0,
        };
        let outcome = self.executor.execute(key, fingerprint, order).await?;
        Ok(outcome.into())
    }

    /// List orders
    ///
    /// Oldest first. Pages do not shift while orders arrive.
    #[oai(path = "/orders", method = "get", operation_id = "list_orders")]
    async fn list(
        &self,
        /// The most orders to return.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "1000"))
        )]
        limit: Query<u64>,
        /// Return the orders after this one: `next` of the page before.
        after: Query<Option<Uuid>>,
    ) -> Result<Listed, Refused<Listing>> {
        #[derive(Serialize)]
        struct Page {
            orders: Vec<Order>,
            next: Option<Uuid>,
        }
        let page = order::list(&self.reads, limit.0, after.0).await;
        let page = page.map_err(|error| Problem::of_read(&error))?;
        Ok(Listed::Page(RawJson::of(&Page {
            orders: page.orders,
            next: page.next,
        })))
    }

    /// Find an order
    ///
    /// The same bytes that its placing was answered with.
    #[oai(path = "/orders/:id", method = "get", operation_id = "find_order")]
    async fn find(
        &self,
        /// The id of the order.
        id: Path<Uuid>,
    ) -> Result<Found, Refused<Finding>> {
        let order = order::find(&self.reads, id.0).await;
        let order = order.map_err(|error| Problem::of_read(&error))?;
        Ok(Found::Order(RawJson::of(&order.ok_or(Problem::NotFound)?)))
    }
}

fn default_limit() -> u64 {
    100
}

fn example_key() -> String {
    "8e03978e-40d5-43e8-bc93-6894a57f9324".to_owned()
}
