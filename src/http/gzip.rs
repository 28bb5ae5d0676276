//! `Content-Encoding: gzip` of responses that are large, and of request bodies.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response};

use super::problem::{Kind, Problem};

/// The size from which a response is compressed. The largest order is smaller, so that answers to
/// orders never are.
const COMPRESSED_FROM: usize = 2048;

/// The encoding of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let encoding = match values.next().map(HeaderValue::as_bytes) {
            None => Some(Self::Identity),
            Some(value) if value.eq_ignore_ascii_case(b"identity") => Some(Self::Identity),
            Some(value) if value.eq_ignore_ascii_case(b"gzip") => Some(Self::Gzip),
            Some(_) => None,
        };
        match (encoding, values.next()) {
            (Some(encoding), None) => Ok(encoding),
            _ => Err(Problem::from(Kind::ContentEncodingUnsupported)
                .with_header(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))),
        }
    }

    /// The body that was encoded, of at most `bytes_max` bytes.
    pub(super) fn decode(self, body: Bytes, bytes_max: usize) -> Result<Bytes, Problem> {
        if self == Self::Identity {
            return Ok(body);
        }
        let mut unpacked = Vec::new();
        let mut limited = MultiGzDecoder::new(&*body).take(bytes_max as u64 + 1);
        if limited.read_to_end(&mut unpacked).is_err() {
            return Err(Problem::new(
                Kind::BodyInvalid,
                "the body is not valid gzip",
            ));
        }
        if unpacked.len() > bytes_max {
            let detail = format!("the unpacked body is larger than {bytes_max} bytes");
            return Err(Problem::new(Kind::BodyTooLarge, detail));
        }
        Ok(unpacked.into())
    }
}

/// Whether a client accepts gzip (RFC 9110, 12.5.3).
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut any = false;
    for coding in codings {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>();
        let accepted = weight.unwrap_or(0.0) > 0.0;
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return accepted,
            "*" => any = accepted,
            _ => {}
        }
    }
    any
}

/// A body as gzip.
pub(super) fn compress(body: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.expect("a Vec takes every byte").into()
}

/// Compresses large responses to GET for clients that accept it.
#[derive(Debug)]
pub(super) struct WithCompression<E>(pub(super) E);

impl<E: Endpoint> Endpoint for WithCompression<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let is_read = request.method() == Method::GET;
        let is_accepted = is_read && is_accepted(request.headers());
        let mut response = self.0.call(request).await?.into_response();
        // The pages negotiate for themselves.
        let is_negotiated = response.headers().contains_key(header::VARY);
        if !is_read || is_negotiated || response.status() != StatusCode::OK {
            return Ok(response);
        }
        let body = response.take_body().into_bytes().await?;
        if body.len() < COMPRESSED_FROM {
            response.set_body(body);
            return Ok(response);
        }
        let vary = HeaderValue::from_static("Accept-Encoding");
        response.headers_mut().append(header::VARY, vary);
        if !is_accepted {
            response.set_body(body);
            return Ok(response);
        }
        // A page of a thousand long items takes milliseconds, in which this thread serves others.
        let packing = tokio::task::spawn_blocking(move || compress(&body, Compression::fast()));
        let packed = packing.await.map_err(|_| Problem::from(Kind::Internal))?;
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
        response.set_body(Body::from(packed));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_clients_that_accept_it() {
        let accepted = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            is_accepted(&headers)
        };
        for value in ["gzip", "br, GZIP;q=0.5", "*", "deflate, *;q=0.1"] {
            assert!(accepted(value), "{value}");
        }
        for value in ["", "br", "gzip;q=0", "identity", "gzip; q=0, *", "*;q=0"] {
            assert!(!accepted(value), "{value}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }

    #[test]
    fn a_compressed_body_is_unpacked_within_its_bound() {
        let packed = compress(&[b'x'; 10_000], Compression::default());
        assert!(packed.len() < 100);
        let unpacked = Encoding::Gzip.decode(packed.clone(), 10_000).unwrap();
        assert_eq!(unpacked.len(), 10_000);
        let refused = Encoding::Gzip.decode(packed.clone(), 9_999).unwrap_err();
        assert_eq!(refused.kind(), Kind::BodyTooLarge);
        let cut = packed.slice(..packed.len() - 9);
        let refused = Encoding::Gzip.decode(cut, 10_000).unwrap_err();
        assert_eq!(refused.kind(), Kind::BodyInvalid);
    }
}
