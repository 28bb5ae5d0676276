//! The bytes of a request.

use super::Target;
use crate::hammer::contract::RequestShape;

/// One request, ready to be sent in pieces.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) bytes: Vec<u8>,
    /// Length of the head, including the empty line that ends it.
    pub(crate) head: usize,
}

impl Request {
    /// Builds a request of the contract with one key header for each of `keys`.
    pub(crate) fn of_contract(
        shape: &RequestShape,
        target: &Target,
        headers: &[(String, String)],
        keys: &[Vec<u8>],
        body: &str,
    ) -> Self {
        let mut bytes = start(shape.method.name(), target, &shape.path, headers);
        for key in keys {
            bytes.extend_from_slice(shape.key_header.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(b"\r\n");
        }
        let rest = format!(
            "Content-Type: {}\r\nContent-Length: {}\r\n\r\n",
            shape.content_type,
            body.len()
        );
        bytes.extend_from_slice(rest.as_bytes());
        let head = bytes.len();
        bytes.extend_from_slice(body.as_bytes());
        Self { bytes, head }
    }

    /// Builds a `GET` request.
    pub(crate) fn get(target: &Target, headers: &[(String, String)], path: &str) -> Self {
        let mut bytes = start("GET", target, path, headers);
        bytes.extend_from_slice(b"\r\n");
        let head = bytes.len();
        Self { bytes, head }
    }
}

fn start(method: &str, target: &Target, path: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut text = format!(
        "{method} {}{path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\n",
        target.prefix, target.authority
    );
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.into_bytes()
}
