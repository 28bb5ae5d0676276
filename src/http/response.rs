//! What is answered: bytes with a schema, and refusals with the statuses an operation can have.

use std::marker::PhantomData;

use bytes::Bytes;
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::Payload;
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use serde::Serialize;

use super::problem::{PROBLEM_JSON, Problem};
use super::schema;

/// JSON that is ready to send, of the shape of `T`.
pub(super) struct RawJson<T> {
    body: Bytes,
    shape: PhantomData<T>,
}

impl<T> RawJson<T> {
    /// Bytes that are this shape already, such as a stored response.
    pub(super) fn stored(body: Bytes) -> Self {
        Self {
            body,
            shape: PhantomData,
        }
    }

    pub(super) fn of(value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).expect("our own shapes are always JSON");
        Self::stored(body.into())
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

impl<T: Type> IntoResponse for RawJson<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            .body(self.body)
    }
}

/// What any operation can come to.
pub(super) const BUG: (u16, &str) = (500, "A bug. It has been logged.");

/// The refusals an operation can have, for the document.
pub(super) trait Refusals: Send + Sync + 'static {
    /// Status and meaning. 409 and 503 come with `Retry-After`.
    const ALL: &'static [(u16, &'static str)];
}

/// A [`Problem`] as the error of an operation whose refusals are `R`.
pub(super) struct Refused<R>(Problem, PhantomData<R>);

impl<R, P: Into<Problem>> From<P> for Refused<R> {
    fn from(problem: P) -> Self {
        Self(problem.into(), PhantomData)
    }
}

impl<R: Refusals> From<Refused<R>> for poem::Error {
    fn from(refused: Refused<R>) -> Self {
        refused.0.into()
    }
}

impl<R: Refusals> ApiResponse for Refused<R> {
    fn meta() -> MetaResponses {
        let responses = R::ALL.iter().map(|&(status, description)| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content: vec![
                MetaMediaType {
                    content_type: "application/json",
                    schema: schema::Error::schema_ref(),
                },
                MetaMediaType {
                    content_type: PROBLEM_JSON,
                    schema: schema::Problem::schema_ref(),
                },
            ],
            headers: if matches!(status, 409 | 503) {
                vec![retry_after()]
            } else {
                Vec::new()
            },
        });
        MetaResponses {
            responses: responses.collect(),
        }
    }

    fn register(registry: &mut Registry) {
        schema::Error::register(registry);
        schema::Problem::register(registry);
    }
}

fn retry_after() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some(
            "After how many seconds another try is worth it. A 409 has it only where one is."
                .to_owned(),
        ),
        required: false,
        deprecated: false,
        schema: u32::schema_ref(),
    }
}
