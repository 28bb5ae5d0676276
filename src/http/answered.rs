//! The response to a request that was executed or replayed.

use std::marker::PhantomData;

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use crate::idempotency::{Answer, Outcome};

const REPLAYED: &str = "Idempotent-Replayed";

/// An [`Outcome`] as a response: 201 for the request that was executed, 200 and
/// `Idempotent-Replayed: true` for the others, with the same bytes and the same `Location`. A
/// refusal has its own status both times.
///
/// `T` describes the body in the OpenAPI document.
#[derive(Debug)]
pub struct Answered<T = ()> {
    outcome: Outcome,
    collection: &'static str,
    schema: PhantomData<T>,
}

impl<T> Answered<T> {
    /// The response to an outcome; `collection` is the path under which its resource is found.
    #[must_use]
    pub fn new(outcome: Outcome, collection: &'static str) -> Self {
        Self {
            outcome,
            collection,
            schema: PhantomData,
        }
    }
}

impl<T: Send> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let (stored, replayed) = match self.outcome {
            Outcome::Created(stored) => (stored, false),
            Outcome::Replayed(stored) => (stored, true),
        };
        let mut response = Response::builder().content_type("application/json");
        if replayed {
            response = response.header(REPLAYED, "true");
        }
        match stored.answer {
            Answer::Accepted(body) => response
                .status(if replayed {
                    StatusCode::OK
                } else {
                    StatusCode::CREATED
                })
                .header(
                    header::LOCATION,
                    format!("{}/{}", self.collection, stored.resource),
                )
                .body(body),
            Answer::Refused { status, body } => response
                .status(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY))
                .body(body),
        }
    }
}

impl<T: Type> ApiResponse for Answered<T> {
    fn meta() -> MetaResponses {
        let response = |status, description, headers| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: T::schema_ref(),
            }],
            headers,
        };
        let location = || meta_header("LOCATION", "The path of the order.", String::schema_ref());
        let replayed = meta_header("IDEMPOTENT-REPLAYED", "Always true.", bool::schema_ref());
        MetaResponses {
            responses: vec![
                response(201, "The order was placed.", vec![location()]),
                response(
                    200,
                    "An earlier request with this key and payload placed the order. The body is \
                     that of its response, byte for byte.",
                    vec![location(), replayed],
                ),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn meta_header(
    name: &str,
    description: &str,
    schema: poem_openapi::registry::MetaSchemaRef,
) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema,
    }
}
