//! Plain reads, of which no byte needs control: the list of an oracle and the health of an
//! instance. reqwest does them, on connections of its own.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::Target;
use super::connection::MAX_ANSWER;
use crate::hammer::words::with_sources;

/// Why something cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// No client can be made of the settings.
    #[error("cannot prepare to read from {0}")]
    Settings(String, #[source] reqwest::Error),
    /// A header that was passed cannot be sent.
    #[error("the header {0} cannot be sent")]
    Header(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// No complete answer came back.
    #[error("no complete answer")]
    Exchange(#[source] reqwest::Error),
    /// The body is too long.
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    /// TLS refuses its settings.
    #[error("TLS is not available")]
    Tls(#[from] rustls::Error),
}

impl ReadError {
    /// The error and its sources, on one line.
    pub(crate) fn with_sources(&self) -> String {
        with_sources(self)
    }
}

/// Reads from one instance.
#[derive(Debug)]
pub(crate) struct Reader {
    http: Client,
    base: String,
}

impl Reader {
    /// Prepares to read from `target` with these headers; `limit` is that of each answer.
    pub(crate) fn new(
        target: &Target,
        headers: &[(String, String)],
        limit: Duration,
    ) -> Result<Self, ReadError> {
        let tls = match &target.tls {
            Some(tls) => ClientConfig::clone(&tls.config),
            None => without_roots()?,
        };
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            // The address that was found to accept connections.
            .resolve(&target.host, target.address)
            .default_headers(header_map(headers)?)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(limit)
            .build()
            .map_err(|error| ReadError::Settings(target.url.clone(), error))?;
        Ok(Self {
            http,
            base: target.url.clone(),
        })
    }

    /// Gets `path`; returns the status and the body of the answer.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, Vec<u8>), ReadError> {
        let mut answer = self
            .http
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .map_err(failed)?;
        let body = body(&mut answer).await?;
        Ok((answer.status().as_u16(), body))
    }
}

async fn body(answer: &mut Response) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ReadError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The messages that this goes into name the path already.
fn failed(error: reqwest::Error) -> ReadError {
    ReadError::Exchange(error.without_url())
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, ReadError> {
    let mut map = HeaderMap::new();
    map.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        let (field, mut line) =
            header(name, value).map_err(|error| ReadError::Header(name.clone(), error))?;
        // Credentials, perhaps.
        line.set_sensitive(true);
        map.append(field, line);
    }
    Ok(map)
}

fn header(
    name: &str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), Box<dyn std::error::Error + Send + Sync>> {
    let name = HeaderName::from_bytes(name.as_bytes())?;
    Ok((name, HeaderValue::from_bytes(value.as_bytes())?))
}

/// TLS that nobody uses: reqwest wants a configuration for `http://` as well.
fn without_roots() -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty());
    Ok(config.with_no_client_auth())
}
