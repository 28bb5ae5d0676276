//! JSON bodies: schemas for the OpenAPI document, and the bytes that they describe.

#![allow(dead_code, reason = "the fields are read by the derived schema only")]

use std::marker::PhantomData;

use bytes::Bytes;
use poem::{IntoResponse, Response};
use poem_openapi::payload::Payload;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{Example, Type};
use poem_openapi::{ApiResponse, Object};
use serde::Serialize;
use uuid::Uuid;

/// JSON that is ready to be sent with status 200, described by the schema of `T`.
#[derive(Debug)]
pub struct RawJson<T> {
    body: Bytes,
    schema: PhantomData<T>,
}

impl<T> RawJson<T> {
    /// Bytes that fit the schema already, such as a stored response.
    pub(super) fn from_bytes(body: Bytes) -> Self {
        Self {
            body,
            schema: PhantomData,
        }
    }

    /// Serializes a value that fits the schema. Its type must have a JSON form: it panics otherwise.
    pub fn of(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("the value has a JSON form");
        Self::from_bytes(body.into())
    }
}

impl<T: Type> Payload for RawJson<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> ApiResponse for RawJson<T> {
    fn meta() -> MetaResponses {
        let content = MetaMediaType {
            content_type: Self::CONTENT_TYPE,
            schema: T::schema_ref(),
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: Some(200),
                status_range: None,
                content: vec![content],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Type> IntoResponse for RawJson<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            .body(self.body)
    }
}

/// An order to be placed. Unknown members are accepted and ignored, but they count when two payloads
/// are compared.
#[derive(Object)]
#[oai(example)]
pub(super) struct NewOrder {
    /// What is ordered. Not blank, no control characters, stored as sent.
    #[oai(validator(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    ))]
    item: String,
    /// How many. `2` and `2.0` are the same number.
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
    /// UUID version 7: ids sort by time of arrival.
    id: Uuid,
    /// What was ordered.
    item: String,
    /// How many.
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

/// A page of orders, oldest first.
#[derive(Object)]
#[oai(example)]
pub(super) struct Page {
    /// The orders on this page.
    orders: Vec<Order>,
    /// The value of `after` for the next page, or null on the last page.
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

/// The service is ready.
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

/// What a sweep has done.
#[derive(Object)]
#[oai(example)]
pub(super) struct Cleanup {
    /// How many stored answers were deleted.
    deleted: u64,
}

impl Example for Cleanup {
    fn example() -> Self {
        Self { deleted: 42 }
    }
}

/// What became of the requests with an idempotency key.
#[derive(Object)]
#[oai(example)]
pub(super) struct StoredKey {
    /// The key.
    key: String,
    /// The id of the order that was placed with it, or null if the request was refused.
    order: Option<Uuid>,
    /// When the key was stored, as in RFC 3339.
    created: String,
    /// From when on the answer may be gone.
    expires: String,
    /// Whether it is: a retry gets 409 `IDEMPOTENCY_KEY_EXPIRED`.
    expired: bool,
}

impl Example for StoredKey {
    fn example() -> Self {
        Self {
            key: "8e03978e-40d5-43e8-bc93-6894a57f9324".to_owned(),
            order: Some(Order::example().id),
            created: "2026-11-24T12:00:00.000Z".to_owned(),
            expires: "2026-11-25T12:00:00.000Z".to_owned(),
            expired: false,
        }
    }
}
