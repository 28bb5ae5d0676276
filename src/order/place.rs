//! Placing an order, as an idempotent operation.

use bytes::Bytes;
use uuid::Uuid;

use super::{NewOrder, Order};
use crate::db::{Cells, Rows};
use crate::idempotency::{Effect, Operation};

/// Stores one order. Its response is the order.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    order: Order,
    response: Bytes,
}

impl PlaceOrder {
    /// Gives the order its id.
    #[must_use]
    pub fn new(new: NewOrder) -> Self {
        let order = Order {
            id: Uuid::now_v7(),
            item: new.item,
            quantity: new.quantity,
        };
        let response = serde_json::to_vec(&order).expect("three plain members are always JSON");
        Self {
            order,
            response: response.into(),
        }
    }
}

impl Operation for PlaceOrder {
    const NAME: &'static str = "place_order";

    fn resource(&self) -> Uuid {
        self.order.id
    }

    fn response(&self) -> Bytes {
        self.response.clone()
    }

    fn effects<'a>(operations: &[&'a Self]) -> Vec<Effect<'a>> {
        let orders = || operations.iter().map(|operation| &operation.order);
        vec![Effect {
            table: "orders",
            resource: "id",
            rows: Rows::new([
                ("id", Cells::Uuid(orders().map(|o| o.id).collect())),
                ("item", Cells::Text(orders().map(|o| &*o.item).collect())),
                (
                    "quantity",
                    Cells::Integer(orders().map(|o| o.quantity).collect()),
                ),
            ]),
        }]
    }
}
