//! Placing an order, as an idempotent operation.

use bytes::Bytes;
use sea_orm::{ActiveValue, DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::{NewOrder, Order};
use crate::db::entity::{insert_all, order};
use crate::idempotency::{Answer, Operation, Tenant};

/// Stores one order and answers with its JSON form.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    order: Order,
    tenant: Tenant,
    response: Bytes,
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
        }
    }

    /// Makes it an order of this tenant. The key must be in the tenant's scope,
    /// [`Scope::of`](crate::idempotency::Scope::of).
    #[must_use]
    pub fn for_tenant(self, tenant: Tenant) -> Self {
        Self { tenant, ..self }
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
        let answers = winners.iter().map(|place| place.response.clone());
        Ok(answers.map(Answer::Accepted).collect())
    }
}
