//! Carts: the order of a shop and its lines, in two tables and one transaction.
//!
//! `POST /api/orders {"user_id": …, "cart_id": …, "items": [{"product_id": …, "quantity": …, "price":
//! …}]}` places one order for an idempotency key of a user. Amounts are exact decimals.

mod money;
mod order;
mod place;
mod schema;
mod tables;

use std::error::Error;
use std::io;

use orders::db::Connection;
use orders::http::{Answered, BodyLimits, JsonBody, Key, Kind, Problem, RawJson, Service};
use orders::idempotency::{Executor, Fingerprint, Operation, Scope, ScopedKey};
use orders::json::Json;
use poem_openapi::param::{Path, Query};
use poem_openapi::{OpenApi, OpenApiService};
use serde::Serialize;
use uuid::Uuid;

use self::order::{InvalidOrder, NewOrder, Order};
use self::place::PlaceOrder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let mut service = Service::from_env("carts").await?;
    service.create_table(tables::order::Entity).await?;
    service.create_table(tables::line::Entity).await?;
    let carts = Carts {
        executor: service.executor()?,
        reads: service.database().reads().clone(),
    };
    service
        .serve(OpenApiService::new(carts, "carts", "1.0"))
        .await?;
    Ok(())
}

struct Carts {
    executor: Executor<PlaceOrder>,
    reads: Connection,
}

#[OpenApi]
impl Carts {
    /// Places an order.
    #[oai(path = "/api/orders", method = "post")]
    async fn place(
        &self,
        #[oai(name = "Idempotency-Key")] key: Key,
        body: JsonBody<schema::NewOrder>,
    ) -> Result<Answered<schema::Order>, Problem> {
        let body = body.read(BodyLimits::default()).await?;
        let payload = Json::parse(&body)?;
        let order = NewOrder::read(&payload)?;
        let key = ScopedKey {
            // The same key of two users is two keys.
            scope: Scope::shared(PlaceOrder::NAME).within(&order.user_id),
            key: key.0,
        };
        let fingerprint = Fingerprint::of(PlaceOrder::NAME, &payload);
        let place = PlaceOrder::new(order);
        let executed = self.executor.execute(key, fingerprint, place).await;
        Answered::new(executed, "/api/orders", self.executor.retention())
    }

    /// Finds an order.
    #[oai(path = "/api/orders/:order_id", method = "get")]
    async fn find(&self, order_id: Path<Uuid>) -> Result<RawJson<schema::Order>, Problem> {
        let found = order::find(&self.reads, order_id.0).await;
        let found = found.map_err(|error| Problem::from_read_error(&error))?;
        Ok(RawJson::of(&found.ok_or(Kind::NotFound)?))
    }

    /// Lists the orders after another one, oldest first.
    #[oai(path = "/api/orders", method = "get")]
    async fn list(&self, after: Query<Option<Uuid>>) -> Result<RawJson<schema::Page>, Problem> {
        #[derive(Serialize)]
        struct Page {
            orders: Vec<Order>,
            next: Option<Uuid>,
        }
        let listed = order::list(&self.reads, after.0).await;
        let (orders, next) = listed.map_err(|error| Problem::from_read_error(&error))?;
        Ok(RawJson::of(&Page { orders, next }))
    }
}

impl From<InvalidOrder> for Problem {
    fn from(invalid: InvalidOrder) -> Self {
        Self::new(Kind::BodyInvalid, invalid.to_string())
    }
}
