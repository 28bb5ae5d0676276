//! One attempt over HTTP.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::answer::Attempt;
use super::key::Key;
use super::outcome::Interruption;

/// Time limit for opening a connection. It is shorter than that of an attempt, to tell a service
/// that is not reached from one that does not answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL does not name a service.
    #[error("{0:?} is not an http:// or https:// URL without user, query and fragment")]
    Url(String),
    /// The token cannot be sent in a header.
    #[error("the token contains characters other than visible ASCII")]
    Token,
    /// No TLS, for example without root certificates.
    #[error("cannot set up TLS")]
    Tls(#[source] Box<dyn StdError + Send + Sync>),
}

/// Sends single requests.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    http: reqwest::Client,
    orders: Url,
    authorization: Option<HeaderValue>,
}

impl Transport {
    pub(super) fn new(url: &str) -> Result<Self, ClientError> {
        let orders = orders_url(url).ok_or_else(|| ClientError::Url(url.to_owned()))?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            // One attempt is one request on the wire.
            .retry(retry::never())
            .tls_backend_preconfigured(tls(orders.scheme() == "https")?)
            .build()
            .map_err(|error| ClientError::Tls(error.into()))?;
        Ok(Self {
            http,
            orders,
            authorization: None,
        })
    }

    /// Sends this token with every request.
    pub(super) fn authorize(&mut self, token: &str) -> Result<(), ClientError> {
        let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.ok().filter(|_| visible).ok_or(ClientError::Token)?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    /// Sends the request once.
    pub(super) async fn attempt(&self, key: &Key, body: Bytes, timeout: Duration) -> Attempt {
        let mut request = self
            .http
            .post(self.orders.clone())
            .timeout(timeout)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key.as_str())
            .body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match exchange(request).await {
            Ok(attempt) => attempt,
            Err(error) if error.is_connect() => {
                Attempt::Interrupted(Interruption::Connect(root_cause(&error)))
            }
            Err(error) => Attempt::Interrupted(Interruption::Lost(root_cause(&error))),
        }
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Attempt, reqwest::Error> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await?;
    Ok(Attempt::read(status, &headers, &body))
}

/// Where a service takes orders, given its base URL.
fn orders_url(base: &str) -> Option<Url> {
    let mut url = Url::parse(base).ok()?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !usable {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().push("orders");
    Some(url)
}

/// Verifies servers as the operating system does. Without encryption it trusts nobody, and spares
/// the time to load the roots.
fn tls(encrypted: bool) -> Result<ClientConfig, ClientError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            if encrypted {
                config.with_platform_verifier()
            } else {
                Ok(config.with_root_certificates(RootCertStore::empty()))
            }
        })
        .map_err(|error| ClientError::Tls(error.into()))?;
    Ok(config.with_no_client_auth())
}

/// The innermost source: reqwest's own text repeats the URL.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_placed_below_the_base_url() {
        for (base, url) in [
            ("http://h:3000", "http://h:3000/orders"),
            ("http://h/", "http://h/orders"),
            ("https://h/shop", "https://h/shop/orders"),
            ("https://h/shop/", "https://h/shop/orders"),
        ] {
            assert_eq!(orders_url(base).unwrap().as_str(), url);
        }
        for base in [
            "",
            "localhost:3000",
            "ftp://h",
            "http://h?a",
            "http://h#a",
            "http://u:p@h",
        ] {
            assert_eq!(orders_url(base), None, "{base}");
        }
    }

    #[test]
    fn a_token_is_visible_ascii() {
        let mut transport = Transport::new("http://h").unwrap();
        for token in ["", "a b", "a\r\nb", "é"] {
            assert!(transport.authorize(token).is_err(), "{token:?}");
        }
        transport.authorize("s3cret").unwrap();
        assert!(!format!("{transport:?}").contains("s3cret"));
    }

    #[test]
    fn https_verifies_with_the_roots_of_the_system() {
        Transport::new("https://h").unwrap();
    }
}
