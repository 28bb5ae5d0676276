//! What an order is, and how orders are read.

use orders::json::Json;
use rust_decimal::Decimal;
use sea_orm::EntityLoaderTrait;
use sea_orm::prelude::*;
use serde::Serialize;

use crate::money;
use crate::tables::{line, order};

/// The longest text, in characters.
const TEXT_MAX: usize = 255;

/// The most items of an order.
const ITEMS_MAX: usize = 100;

/// The most pieces of an item.
const QUANTITY_MAX: i64 = 1_000_000;

/// The highest price of a piece: 1000000.00.
const PRICE_MAX: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 2);

/// The highest total of an order: 10000000.00.
const TOTAL_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 2);

/// The most orders on a page.
const PAGE: usize = 1000;

/// What a user wants to buy. Always valid.
#[derive(Debug)]
pub(crate) struct NewOrder {
    pub(crate) user_id: String,
    pub(crate) cart_id: String,
    pub(crate) items: Vec<Item>,
    pub(crate) total: Decimal,
}

/// Some pieces of a product.
#[derive(Debug, Serialize)]
pub(crate) struct Item {
    pub(crate) product_id: String,
    pub(crate) quantity: i64,
    /// Of one piece.
    #[serde(serialize_with = "money::as_number")]
    pub(crate) price: Decimal,
}

/// An order that was or will be placed. Its JSON form is the one that clients see.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the members")]
pub(crate) struct Order {
    pub(crate) order_id: Uuid,
    pub(crate) user_id: String,
    pub(crate) cart_id: String,
    pub(crate) status: String,
    #[serde(serialize_with = "money::as_number")]
    pub(crate) total_amount: Decimal,
    pub(crate) items: Vec<Item>,
    pub(crate) created_at: DateTimeUtc,
}

/// A member that breaks its rule.
#[derive(Debug, thiserror::Error)]
#[error("{member} must be {rule}")]
pub(crate) struct InvalidOrder {
    /// Its path, such as `items[1].price`.
    member: String,
    rule: String,
}

impl NewOrder {
    /// Reads a payload. Unknown members are accepted and ignored.
    pub(crate) fn read(payload: &Json<'_>) -> Result<Self, InvalidOrder> {
        let user_id = text(payload, "", "user_id")?;
        let cart_id = text(payload, "", "cart_id")?;
        let items = match payload.get("items") {
            Some(Json::Array(items)) if (1..=ITEMS_MAX).contains(&items.len()) => items,
            _ => {
                return Err(broken(
                    "",
                    "items",
                    format!("an array of 1 to {ITEMS_MAX} items"),
                ));
            }
        };
        let items = items.iter().enumerate();
        let items: Vec<Item> = items
            .map(|(index, item)| Item::read(item, &format!("items[{index}].")))
            .collect::<Result<_, _>>()?;
        // No sum of bounded amounts overflows a decimal.
        let total = items.iter().map(Item::amount).sum();
        if total > TOTAL_MAX {
            let rule = format!("worth at most {TOTAL_MAX}, not {total:.2}");
            return Err(broken("", "items", rule));
        }
        Ok(Self {
            user_id,
            cart_id,
            items,
            total,
        })
    }
}

impl Item {
    fn read(item: &Json<'_>, path: &str) -> Result<Self, InvalidOrder> {
        let product_id = text(item, path, "product_id")?;
        let quantity = match item.get("quantity") {
            Some(Json::Number(number)) => number.as_integer(),
            _ => None,
        };
        let quantity = quantity.filter(|quantity| (1..=QUANTITY_MAX).contains(quantity));
        let price = match item.get("price") {
            Some(Json::Number(number)) => money::read(number),
            _ => None,
        };
        let price = price.filter(|price| (Decimal::ZERO..=PRICE_MAX).contains(price));
        Ok(Self {
            product_id,
            quantity: quantity.ok_or_else(|| {
                let rule = format!("a whole number from 1 to {QUANTITY_MAX}");
                broken(path, "quantity", rule)
            })?,
            price: price.ok_or_else(|| {
                let rule = format!("a number from 0 to {PRICE_MAX} with up to two decimal places");
                broken(path, "price", rule)
            })?,
        })
    }

    /// The price of all pieces.
    fn amount(&self) -> Decimal {
        self.price * Decimal::from(self.quantity)
    }
}

/// The text of a member; `path` leads to the object that has it.
fn text(object: &Json<'_>, path: &str, member: &str) -> Result<String, InvalidOrder> {
    let is_valid = |text: &str| {
        let length = text.chars().count();
        length <= TEXT_MAX && !text.trim().is_empty() && !text.contains(char::is_control)
    };
    match object.get(member) {
        Some(Json::String(text)) if is_valid(text) => Ok(text.clone().into_owned()),
        _ => {
            let rule = format!(
                "a string of 1 to {TEXT_MAX} characters, not blank and without control characters"
            );
            Err(broken(path, member, rule))
        }
    }
}

fn broken(path: &str, member: &str, rule: String) -> InvalidOrder {
    let member = format!("{path}{member}");
    InvalidOrder { member, rule }
}

/// The order with this id.
pub(crate) async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Order>, DbErr> {
    let load = order::Entity::load().with(line::Entity);
    let row = load.filter_by_id(id).one(db).await?;
    Ok(row.map(Order::from))
}

/// Up to 1000 orders after the one with the id `after`, in order of id, and the id to continue
/// after if the page is full.
pub(crate) async fn list(
    db: &impl ConnectionTrait,
    after: Option<Uuid>,
) -> Result<(Vec<Order>, Option<Uuid>), DbErr> {
    let mut load = order::Entity::load().with(line::Entity).order_by_id_asc();
    if let Some(after) = after {
        load = load.filter(order::Column::Id.gt(after));
    }
    let rows = load.paginate(db, PAGE as u64).fetch_page(0).await?;
    let last = rows.last().map(|row| row.id);
    let next = last.filter(|_| rows.len() == PAGE);
    Ok((rows.into_iter().map(Order::from).collect(), next))
}

impl From<order::ModelEx> for Order {
    fn from(row: order::ModelEx) -> Self {
        let mut lines: Vec<line::ModelEx> = row.lines.into_iter().collect();
        lines.sort_by_key(|line| line.position);
        Self {
            order_id: row.id,
            user_id: row.user_id,
            cart_id: row.cart_id,
            status: row.status,
            total_amount: money::from_cents(row.total_cents),
            items: lines.into_iter().map(Item::from).collect(),
            created_at: row.created_at,
        }
    }
}

impl From<line::ModelEx> for Item {
    fn from(row: line::ModelEx) -> Self {
        Self {
            product_id: row.product_id,
            quantity: row.quantity,
            price: money::from_cents(row.price_cents),
        }
    }
}
