//! The parts of a request: its idempotency key and its JSON body.

use std::marker::PhantomData;
use std::time::Duration;

use bytes::Bytes;
use poem::http::{HeaderMap, header};
use poem::{Body, Request, RequestBody};
use poem_openapi::registry::{
    MetaMediaType, MetaParamIn, MetaRequest, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::gzip::Encoding;
use super::problem::{Kind, Problem};
use crate::idempotency::{IdempotencyKey, InvalidKey};

const KEY: &str = "Idempotency-Key";

/// The name of the header in the APIs of other services.
const KEY_ALIAS: &str = "X-Idempotency-Key";

/// What [`IdempotencyKey::parse`] accepts: a bare key, or a Structured-Field string.
const KEY_PATTERN: &str = r#"^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#;

/// The key in the header `Idempotency-Key`, or in its alias.
#[derive(Debug)]
pub struct Key(pub IdempotencyKey);

impl Key {
    /// Both headers may be present if their keys are equal. A blank header counts as absent.
    fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        match (single(headers, KEY)?, single(headers, KEY_ALIAS)?) {
            (Some(key), Some(alias)) if key != alias => Err(Problem::new(
                Kind::KeyInvalid,
                format!("{KEY} and {KEY_ALIAS} have different values"),
            )),
            (Some(key), _) | (None, Some(key)) => Ok(Self(key)),
            (None, None) => Err(Kind::KeyRequired.into()),
        }
    }
}

/// The key in a header that may be sent once.
fn single(headers: &HeaderMap, name: &'static str) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Problem::new(
            Kind::KeyInvalid,
            format!("{name} was sent more than once"),
        ));
    }
    match first.map(|value| IdempotencyKey::parse(value.as_bytes())) {
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
        Ok(Self::from_headers(request.headers())?)
    }
}

/// Limits of a request body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Maximum size, in bytes.
    pub bytes_max: usize,
    /// How long the body may take to arrive.
    pub timeout: Duration,
}

impl Default for BodyLimits {
    /// 64 KiB within 10 seconds.
    fn default() -> Self {
        Self {
            bytes_max: 64 * 1024,
            timeout: Duration::from_secs(10),
        }
    }
}

/// A JSON body that has not been read yet, described by the schema of `T`.
#[derive(Debug)]
pub struct JsonBody<T> {
    body: Body,
    /// A chunked body has none.
    content_length: Option<usize>,
    encoding: Encoding,
    schema: PhantomData<T>,
}

impl<T> JsonBody<T> {
    /// Reads the whole body within the limits. They hold for a compressed body as well as for what
    /// it unpacks to.
    pub async fn read(self, limits: BodyLimits) -> Result<Bytes, Problem> {
        let max = limits.bytes_max;
        let content_length = self.content_length.unwrap_or_default();
        let mut reader = self.body.into_async_read();
        let mut body = Vec::with_capacity(content_length.min(max));
        let mut too_large = content_length > max;
        if !too_large {
            let mut limited = (&mut reader).take(max as u64 + 1);
            match tokio::time::timeout(limits.timeout, limited.read_to_end(&mut body)).await {
                Ok(Ok(_)) => too_large = body.len() > max,
                Ok(Err(error)) => {
                    let detail = format!("the body ended early: {error}");
                    return Err(Problem::new(Kind::BodyInvalid, detail));
                }
                Err(_elapsed) => return Err(Kind::BodyTimeout.into()),
            }
        }
        if too_large {
            tokio::spawn(discard(reader, limits.timeout));
            let detail = format!("the body is larger than {max} bytes");
            return Err(Problem::new(Kind::BodyTooLarge, detail));
        }
        self.encoding.decode(body.into(), max)
    }
}

/// Reads what a client still sends after its request was refused. Closing the connection on unread
/// bytes resets it, and the response is often lost.
async fn discard(mut reader: impl AsyncRead + Unpin, timeout: Duration) {
    let mut sink = tokio::io::sink();
    // The connection is closed either way.
    let _ = tokio::time::timeout(timeout, tokio::io::copy(&mut reader, &mut sink)).await;
}

impl<'a, T: Type> ApiExtractor<'a> for JsonBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: "application/json",
                schema: T::schema_ref(),
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
            return Err(Problem::from(Kind::MediaTypeUnsupported).into());
        }
        let content_length = request.headers().get(header::CONTENT_LENGTH);
        let content_length = content_length.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Self {
            body: body.take()?,
            content_length,
            encoding: Encoding::of_request(request.headers())?,
            schema: PhantomData,
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
