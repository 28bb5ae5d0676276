//! Placing an order, as an idempotent operation.

use std::sync::Arc;

use bytes::Bytes;
use sea_orm::{ActiveValue, DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::{NewOrder, Order};
use crate::db::entity::{insert_all, order};
use crate::idempotency::{Answer, Operation, Tenant};
use crate::outbox::{self, Event};

/// Type of the event that an order was placed.
pub const ORDER_PLACED: &str = "orders.order.placed";

/// Stores one order, and its event if events are on. Answers with the order's JSON form.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    order: Order,
    tenant: Tenant,
    response: Bytes,
    event: Option<Event>,
}

impl PlaceOrder {
    /// Gives the order its id, and so fixes its response. It is an order of the shared tenant.
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
            tenant: Tenant::shared(),
            response: response.into(),
            event: None,
        }
    }

    /// Also writes the event that the order was placed, from this source: the order's JSON form.
    #[must_use]
    pub fn with_event(self, source: &Arc<str>) -> Self {
        let (id, data) = (self.order.id, self.response.clone());
        let event = Event::new(Arc::clone(source), ORDER_PLACED, id, data);
        Self {
            event: Some(event.of_tenant(name(&self.tenant))),
            ..self
        }
    }

    /// Makes it an order of this tenant. The key must be in the tenant's scope,
    /// [`Scope::of`](crate::idempotency::Scope::of).
    #[must_use]
    pub fn for_tenant(self, tenant: Tenant) -> Self {
        let event = self.event.map(|event| event.of_tenant(name(&tenant)));
        Self {
            tenant,
            event,
            ..self
        }
    }

    fn row(&self) -> order::ActiveModel {
        order::ActiveModel {
            id: ActiveValue::Set(self.order.id),
            item: ActiveValue::Set(self.order.item.clone()),
            quantity: ActiveValue::Set(self.order.quantity),
            tenant: ActiveValue::Set(self.tenant.as_str().to_owned()),
            created_at: ActiveValue::NotSet,
        }
    }
}

/// The tenant in an event. The shared one is none.
fn name(tenant: &Tenant) -> Option<String> {
    (!tenant.is_shared()).then(|| tenant.to_string())
}

impl Operation for PlaceOrder {
    const NAME: &'static str = "place_order";

    fn resource(&self) -> Uuid {
        self.order.id
    }

    fn response(&self) -> Option<Bytes> {
        Some(self.response.clone())
    }

    async fn apply(txn: &DatabaseTransaction, winners: &[&Self]) -> Result<Vec<Answer>, DbErr> {
        insert_all(txn, winners.iter().map(|place| place.row()).collect()).await?;
        outbox::insert(txn, winners.iter().filter_map(|place| place.event.as_ref())).await?;
        let answers = winners.iter().map(|place| place.response.clone());
        Ok(answers.map(Answer::Accepted).collect())
    }
}
