//! What a request brings: its key and its order, each with the rule that a bad one breaks.

use std::time::Duration;

use poem::http::{HeaderMap, header};
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaRequest, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::problem::Problem;
use super::schema::NewOrder as NewOrderSchema;
use crate::idempotency::{IdempotencyKey, InvalidKey};
use crate::json::Json;
use crate::order::{InvalidOrder, NewOrder};

const KEY: &str = "Idempotency-Key";

/// A bare key, or a Structured-Field string: what the document says of [`IdempotencyKey::parse`].
const KEY_PATTERN: &str = r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#;

/// What clients of other services are used to.
const KEY_ALIAS: &str = "X-Idempotency-Key";

/// The header `Idempotency-Key`, or its alias.
pub(super) struct Key(pub(super) IdempotencyKey);

impl Key {
    /// Both headers may be present if they agree. A blank one is as good as none.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let key = one_line(headers, KEY)?;
        let alias = one_line(headers, KEY_ALIAS)?;
        match (key, alias) {
            (Some(key), Some(alias)) if key != alias => Err(Problem::KeyInvalid(
                format!("{KEY} and {KEY_ALIAS} have two different values").into(),
            )),
            (Some(key), _) | (None, Some(key)) => Ok(Self(key)),
            (None, None) => Err(Problem::KeyRequired),
        }
    }
}

fn one_line(headers: &HeaderMap, name: &'static str) -> Result<Option<IdempotencyKey>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(Problem::KeyInvalid(
            format!("{name} occurs in more than one line").into(),
        ));
    }
    match first.map(|line| IdempotencyKey::parse(line.as_bytes())) {
        None | Some(Err(InvalidKey::Blank)) => Ok(None),
        Some(key) => Ok(Some(key?)),
    }
}

impl<'a> ApiExtractor<'a> for Key {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = String;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Header)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(MetaSchemaRef::Inline(Box::new(MetaSchema {
            pattern: Some(KEY_PATTERN.to_owned()),
            ..MetaSchema::new("string")
        })))
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request.headers())?)
    }
}

/// Bounds of a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyBounds {
    pub(super) bytes_max: usize,
    pub(super) timeout: Duration,
}

/// A JSON body that has not been read yet.
pub(super) struct OrderBody {
    body: Body,
    /// What `Content-Length` says. A chunked body does not say.
    announced: Option<usize>,
}

impl OrderBody {
    /// Reads all of it, within its bounds.
    pub(super) async fn read(self, bounds: BodyBounds) -> Result<bytes::Bytes, Problem> {
        let max = bounds.bytes_max;
        let announced = self.announced.unwrap_or_default();
        let mut arriving = self.body.into_async_read();
        let mut body = Vec::with_capacity(announced.min(max));
        // Nobody waits for what will be refused.
        let mut too_large = announced > max;
        if !too_large {
            let mut bounded = (&mut arriving).take(max as u64 + 1);
            match tokio::time::timeout(bounds.timeout, bounded.read_to_end(&mut body)).await {
                Ok(Ok(_)) => too_large = body.len() > max,
                Ok(Err(error)) => {
                    return Err(Problem::BodyInvalid(format!("the body broke off: {error}")));
                }
                Err(_elapsed) => return Err(Problem::BodyTimeout),
            }
        }
        if too_large {
            tokio::spawn(discard(arriving, bounds.timeout));
            return Err(Problem::BodyTooLarge(max));
        }
        Ok(body.into())
    }
}

/// Lets a client finish sending what was refused, for a while. Closing the connection on a client
/// that is still sending would often destroy the answer before it is read.
async fn discard(mut arriving: impl AsyncRead + Unpin, patience: Duration) {
    let mut nowhere = tokio::io::sink();
    // Whether it finished does not matter: the connection is closed either way.
    let _ = tokio::time::timeout(patience, tokio::io::copy(&mut arriving, &mut nowhere)).await;
}

impl<'a> ApiExtractor<'a> for OrderBody {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        NewOrderSchema::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: NewOrderSchema::schema_ref(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !is_json(request.headers()) {
            return Err(Problem::MediaType.into());
        }
        let announced = request.headers().get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse().ok());
        Ok(Self {
            body: body.take()?,
            announced,
        })
    }
}

/// `application/json` or `application/…+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let media_type = media_type.to_ascii_lowercase();
    let subtype = media_type.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// The order in a payload. Other members are accepted and ignored.
pub(super) fn new_order(payload: &Json<'_>) -> Result<NewOrder, Problem> {
    let Json::Object(_) = payload else {
        let kind = payload.kind();
        return Err(Problem::BodyInvalid(format!(
            "the body must be a JSON object, and is {kind}"
        )));
    };
    let item = match payload.get("item") {
        Some(Json::String(item)) => item.clone().into_owned(),
        other => return Err(wrong_kind("item", "a string", other)),
    };
    let quantity = match payload.get("quantity") {
        Some(Json::Number(quantity)) => quantity.as_integer().ok_or(InvalidOrder::Quantity)?,
        other => return Err(wrong_kind("quantity", "a number", other)),
    };
    Ok(NewOrder::new(item, quantity)?)
}

fn wrong_kind(member: &str, expected: &str, found: Option<&Json<'_>>) -> Problem {
    Problem::BodyInvalid(match found {
        Some(value) => format!("{member} must be {expected}, and is {}", value.kind()),
        None => format!("{member} is required"),
    })
}
