//! The response to a request that was executed or replayed.

use std::marker::PhantomData;
use std::time::SystemTime;

use poem::http::{StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::Problem;
use crate::idempotency::{Answer, Error, Outcome, Retention};

const REPLAYED: &str = "Idempotent-Replayed";

/// What logs call the request that a replay repeats.
const ORIGINAL: &str = "Idempotent-Original-Request-Id";

/// From when on the answer may be gone.
const EXPIRES: &str = "Idempotency-Expires";

/// An [`Outcome`] as a response: 201 for the request that was executed, 200 and
/// `Idempotent-Replayed: true` for the others, with the same bytes and the same `Location`. A
/// refusal has its own status both times.
///
/// `T` describes the body in the OpenAPI document.
#[derive(Debug)]
pub struct Answered<T = ()> {
    outcome: Outcome,
    expires: Option<SystemTime>,
    collection: &'static str,
    schema: PhantomData<T>,
}

impl<T> Answered<T> {
    /// The response to a request that was executed, or else the problem; `collection` is the path
    /// under which its resource is found.
    pub fn new(
        executed: Result<Outcome, Error>,
        collection: &'static str,
        retention: &Retention,
    ) -> Result<Self, Problem> {
        let outcome = executed.map_err(|error| Problem::from_execution(error, collection))?;
        let (Outcome::Created(stored) | Outcome::Replayed(stored)) = &outcome;
        Ok(Self {
            expires: stored.expires(retention),
            outcome,
            collection,
            schema: PhantomData,
        })
    }
}

impl<T: Send> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let (stored, replayed) = match self.outcome {
            Outcome::Created(stored) => (stored, false),
            Outcome::Replayed(stored) => (stored, true),
        };
        let mut response = Response::builder().content_type("application/json");
        if let Some(expires) = self.expires {
            response = response.header(EXPIRES, httpdate::fmt_http_date(expires));
        }
        if replayed {
            response = response.header(REPLAYED, "true");
            if let Some(id) = &stored.request_id {
                response = response.header(ORIGINAL, id.as_str());
            }
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
        let original = MetaHeader {
            required: false,
            ..meta_header(
                "IDEMPOTENT-ORIGINAL-REQUEST-ID",
                "`X-Request-Id` of the request that placed the order. Absent if an earlier \
                 release has stored the key.",
                String::schema_ref(),
            )
        };
        let expires = || {
            let description = "From when on the answer may be gone. A retry then gets 409 \
                               `IDEMPOTENCY_KEY_EXPIRED`.";
            meta_header("IDEMPOTENCY-EXPIRES", description, String::schema_ref())
        };
        let replayed = meta_header("IDEMPOTENT-REPLAYED", "Always true.", bool::schema_ref());
        MetaResponses {
            responses: vec![
                response(201, "The order was placed.", vec![location(), expires()]),
                response(
                    200,
                    "An earlier request with this key and payload placed the order. The body is \
                     that of its response, byte for byte.",
                    vec![location(), expires(), replayed, original],
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
