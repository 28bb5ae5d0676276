//! The JSON bodies, for the OpenAPI document only. It has no exact decimals: they are numbers.

use poem_openapi::Object;
use uuid::Uuid;

/// An order to be placed.
#[derive(Object)]
pub(crate) struct NewOrder {
    /// Whose order, and whose idempotency key, it is.
    user_id: String,
    cart_id: String,
    #[oai(validator(min_items = 1, max_items = 100))]
    items: Vec<Item>,
}

/// Some pieces of a product.
#[derive(Object)]
pub(crate) struct Item {
    product_id: String,
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000")))]
    quantity: i64,
    /// The price of one piece, with up to two decimal places.
    #[oai(validator(minimum(value = "0"), maximum(value = "1000000")))]
    price: f64,
}

/// An order that was placed.
#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the names of the members")]
pub(crate) struct Order {
    order_id: Uuid,
    user_id: String,
    cart_id: String,
    /// `pending`.
    status: String,
    /// The sum of all prices, times their quantities.
    total_amount: f64,
    items: Vec<Item>,
    /// As in RFC 3339.
    created_at: String,
}

/// A page of orders, oldest first.
#[derive(Object)]
pub(crate) struct Page {
    orders: Vec<Order>,
    /// The value of `after` for the next page, or null on the last page.
    next: Option<Uuid>,
}
