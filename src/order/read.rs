//! Reading orders.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::Order;
use crate::db::entity::order;
use crate::idempotency::Tenant;

/// The most orders on one page.
pub const LIMIT_MAX: u64 = 1000;

/// A page of orders, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The orders.
    pub orders: Vec<Order>,
    /// The id to continue after, if there are more.
    pub next: Option<Uuid>,
}

/// The tenant's order with this id.
pub async fn find(
    db: &impl ConnectionTrait,
    tenant: &Tenant,
    id: Uuid,
) -> Result<Option<Order>, DbErr> {
    Ok(orders_of(tenant)
        .filter(order::Column::Id.eq(id))
        .one(db)
        .await?
        .map(Order::from))
}

/// Up to `limit` orders of the tenant (1 to [`LIMIT_MAX`]) after the one with the id `after`, in
/// order of id.
///
/// Pages do not shift while orders arrive: reading all pages returns every order that was stored
/// at the beginning exactly once. Ids are chosen when requests arrive, so an order that is stored
/// later can have a smaller id than the last one read. To follow new orders, read again from an id
/// that is older by the request timeout.
pub async fn list(
    db: &impl ConnectionTrait,
    tenant: &Tenant,
    limit: u64,
    after: Option<Uuid>,
) -> Result<Page, DbErr> {
    let mut query = orders_of(tenant)
        .order_by_asc(order::Column::Id)
        .limit(limit + 1);
    if let Some(after) = after {
        query = query.filter(order::Column::Id.gt(after));
    }
    let mut orders: Vec<Order> = query.all(db).await?.into_iter().map(Order::from).collect();
    let more = orders.len() as u64 > limit;
    if more {
        orders.pop();
    }
    let next = orders.last().filter(|_| more).map(|order| order.id);
    Ok(Page { orders, next })
}

/// The orders of a tenant. All reads begin here.
fn orders_of(tenant: &Tenant) -> Select<order::Entity> {
    let of_tenant = order::Entity::find().filter(order::Column::Tenant.eq(tenant.as_str()));
    if tenant.is_shared() {
        of_tenant
    } else {
        // The condition of the index, in its words: the planner cannot derive it from a parameter.
        // By that index PostgreSQL does not even read the row of another tenant.
        of_tenant.filter(Expr::cust("tenant <> ''"))
    }
}

impl From<order::Model> for Order {
    fn from(row: order::Model) -> Self {
        Self {
            id: row.id,
            item: row.item,
            quantity: row.quantity,
        }
    }
}
