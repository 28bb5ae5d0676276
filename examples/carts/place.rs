//! Placing an order, as an idempotent operation.

use std::time::SystemTime;

use bytes::Bytes;
use orders::db::entity::insert_all;
use orders::idempotency::{Answer, Operation};
use orders::outbox::{self, Event};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use crate::money;
use crate::order::{NewOrder, Order};
use crate::tables::{line, order};

/// Stores an order, its lines and its event, and answers with the order.
pub(crate) struct PlaceOrder {
    order: Order,
    response: Bytes,
    event: Event,
}

impl PlaceOrder {
    /// Gives the order its id and its time, and so fixes its response and its event.
    pub(crate) fn new(new: NewOrder) -> Self {
        let order = Order {
            order_id: Uuid::now_v7(),
            user_id: new.user_id,
            cart_id: new.cart_id,
            status: "pending".to_owned(),
            total_amount: new.total,
            items: new.items,
            created_at: now(),
        };
        let response = serde_json::to_vec(&order).expect("texts and numbers are always JSON");
        let response = Bytes::from(response);
        let event = Event::new(
            "/api/orders",
            "carts.order.placed",
            order.order_id,
            response.clone(),
        );
        Self {
            order,
            response,
            event,
        }
    }

    fn row(&self) -> order::ActiveModel {
        order::ActiveModel {
            id: Set(self.order.order_id),
            user_id: Set(self.order.user_id.clone()),
            cart_id: Set(self.order.cart_id.clone()),
            status: Set(self.order.status.clone()),
            total_cents: Set(money::cents(self.order.total_amount)),
            created_at: Set(self.order.created_at),
        }
    }

    fn lines(&self) -> impl Iterator<Item = line::ActiveModel> {
        (0..)
            .zip(&self.order.items)
            .map(|(position, item)| line::ActiveModel {
                order_id: Set(self.order.order_id),
                position: Set(position),
                product_id: Set(item.product_id.clone()),
                quantity: Set(item.quantity),
                price_cents: Set(money::cents(item.price)),
            })
    }
}

impl Operation for PlaceOrder {
    const NAME: &'static str = "place_cart_order";

    fn resource(&self) -> Uuid {
        self.order.order_id
    }

    fn response(&self) -> Option<Bytes> {
        Some(self.response.clone())
    }

    async fn apply(txn: &DatabaseTransaction, winners: &[&Self]) -> Result<Vec<Answer>, DbErr> {
        // The rows of all winners together: few statements for many orders.
        let orders = winners.iter().map(|place| place.row());
        let lines = winners.iter().flat_map(|place| place.lines());
        let events = winners.iter().map(|place| &place.event);
        insert_all(txn, orders.collect()).await?;
        insert_all(txn, lines.collect()).await?;
        outbox::insert(txn, events).await?;
        let answers = winners.iter().map(|place| place.response.clone());
        Ok(answers.map(Answer::Accepted).collect())
    }
}

/// The time in milliseconds: no finer than both databases store it.
fn now() -> DateTimeUtc {
    let now = DateTimeUtc::from(SystemTime::now());
    DateTimeUtc::from_timestamp_millis(now.timestamp_millis()).unwrap_or(now)
}
