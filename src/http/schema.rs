//! JSON shapes, for the OpenAPI document. What is sent and read is bytes: these types describe it.

#![allow(dead_code, reason = "the fields are read by the derived schema only")]

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use uuid::Uuid;

/// What a customer asks for. Unknown members are accepted and ignored, but they count when two
/// payloads are compared.
#[derive(Object)]
#[oai(example)]
pub(super) struct NewOrder {
    /// What is ordered: no control characters, kept as sent.
    #[oai(validator(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"
    ))]
    item: String,
    /// How many of it. `2` and `2.0` are the same number.
    #[oai(validator(minimum(value = "1"), maximum(value = "2147483647")))]
    quantity: i32,
}

impl Example for NewOrder {
    fn example() -> Self {
        Self {
            item: "espresso beans".to_owned(),
            quantity: 2,
        }
    }
}

/// An order that was placed.
#[derive(Object)]
#[oai(example)]
pub(super) struct Order {
    /// UUID version 7: in order of arrival.
    id: Uuid,
    /// What was ordered.
    item: String,
    /// How many of it.
    quantity: i32,
}

impl Example for Order {
    fn example() -> Self {
        let id = Uuid::from_u128(0x0193_5a3c_7e00_7000_8000_00c0_ffee_0001);
        Self {
            id,
            item: "espresso beans".to_owned(),
            quantity: 2,
        }
    }
}

/// Some orders, oldest first.
#[derive(Object)]
#[oai(example)]
pub(super) struct Page {
    /// The orders.
    orders: Vec<Order>,
    /// The id to ask for orders after, or null if there are no more.
    next: Option<Uuid>,
}

impl Example for Page {
    fn example() -> Self {
        let order = Order::example();
        let next = Some(order.id);
        Self {
            orders: vec![order],
            next,
        }
    }
}

/// The service works.
#[derive(Object)]
#[oai(example)]
pub(super) struct Health {
    /// Always `ok`.
    status: String,
}

impl Example for Health {
    fn example() -> Self {
        Self {
            status: "ok".to_owned(),
        }
    }
}

/// Why a request was refused.
#[derive(Object)]
#[oai(example)]
pub(super) struct Error {
    /// For people: the member and the rule.
    error: String,
    /// For programs, on 409 only: which of its two causes it has.
    #[oai(skip_serializing_if_is_none)]
    code: Option<ConflictCode>,
}

impl Example for Error {
    fn example() -> Self {
        Self {
            error: "Idempotency-Key header is required".to_owned(),
            code: None,
        }
    }
}

/// Why a key was refused: `IDEMPOTENCY_KEY_REUSED`, and the request must never be sent again with
/// this key, or `IDEMPOTENCY_KEY_IN_USE`, and it should be, later.
#[derive(Enum)]
enum ConflictCode {
    #[oai(rename = "IDEMPOTENCY_KEY_REUSED")]
    Reused,
    #[oai(rename = "IDEMPOTENCY_KEY_IN_USE")]
    InUse,
}

/// Why a request was refused, after RFC 9457. Sent to clients that accept
/// `application/problem+json`.
#[derive(Object)]
#[oai(example)]
pub(super) struct Problem {
    /// The kind of problem: a name, not an address.
    #[oai(rename = "type")]
    kind: String,
    /// The kind of problem, for people.
    title: String,
    /// The status of the response.
    status: u16,
    /// For people: the member and the rule.
    detail: String,
    /// The kind of problem, for programs.
    code: String,
}

impl Example for Problem {
    fn example() -> Self {
        Self {
            kind: "urn:orders:problem:idempotency-key-required".to_owned(),
            title: "Idempotency-Key is missing".to_owned(),
            status: 400,
            detail: "Idempotency-Key header is required".to_owned(),
            code: "IDEMPOTENCY_KEY_REQUIRED".to_owned(),
        }
    }
}
