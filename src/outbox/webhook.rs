//! Events as webhooks: one POST for each, signed as Standard Webhooks.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::{Response, StatusCode, Url, redirect, retry};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::error::{PublishError, Wish};
use super::signature::Secrets;
use super::{Event, OpenError, envelope};

/// The most of a response that is read, in bytes. Nothing in it matters, but a connection is used
/// again only if its response was read to the end.
const RESPONSE_MAX: usize = 16 * 1024;

/// Sends events to one URL.
#[derive(Debug)]
pub(super) struct WebhookSink {
    http: reqwest::Client,
    url: Url,
    secrets: Secrets,
    timeout: Duration,
}

impl WebhookSink {
    pub(super) fn new(url: Url, secrets: Secrets, timeout: Duration) -> Result<Self, OpenError> {
        let tls = tls(url.scheme() == "https").map_err(OpenError::Tls)?;
        let http = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            // The relay alone repeats.
            .retry(retry::never())
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| OpenError::Tls(error.into()))?;
        Ok(Self {
            http,
            url,
            secrets,
            timeout,
        })
    }

    /// Connects, and sends nothing.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_matches(['[', ']']);
        let port = self.url.port_or_known_default().unwrap_or_default();
        let connect = tokio::net::TcpStream::connect((host, port));
        let connected = tokio::time::timeout(self.timeout, connect).await;
        let connected = connected.unwrap_or_else(|elapsed| Err(elapsed.into()));
        connected.map(drop).map_err(|source| OpenError::Connect {
            to: self.url.origin().ascii_serialization(),
            source,
        })
    }

    /// Succeeds once the receiver has answered 2xx.
    pub(super) async fn publish(&self, event: &Event) -> Result<(), PublishError> {
        let body = envelope::structured(event);
        let body = body.map_err(|error| PublishError::new(format!("not JSON: {error}")))?;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let timestamp = since.unwrap_or_default().as_secs();
        let request = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, envelope::STRUCTURED)
            .header(USER_AGENT, concat!("orders/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", event.id.to_string())
            .header("webhook-timestamp", timestamp)
            .header(
                "webhook-signature",
                self.secrets.sign(event.id, timestamp, &body),
            )
            .body(body);
        let response = request.send().await;
        let response = response.map_err(|error| PublishError::new(root_cause(&error)))?;
        let (status, wish) = (response.status(), wish(&response));
        read(response).await;
        if status.is_success() {
            return Ok(());
        }
        let status = status.as_u16();
        Err(PublishError::new(format!("the receiver answered {status}")).wishing(wish))
    }
}

fn wish(response: &Response) -> Wish {
    if response.status() == StatusCode::GONE {
        return Wish::Rest;
    }
    retry_after(response.headers()).map_or(Wish::None, Wish::Pause)
}

/// Reads a response, up to a bound.
async fn read(mut response: Response) {
    let mut left = RESPONSE_MAX;
    while let Ok(Some(chunk)) = response.chunk().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// Seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    date.duration_since(SystemTime::now()).ok()
}

/// Verifies receivers as the operating system does. Without encryption it trusts nobody, and spares
/// the time to load the roots.
fn tls(encrypted: bool) -> Result<ClientConfig, Box<dyn StdError + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|config| {
            if encrypted {
                config.with_platform_verifier()
            } else {
                Ok(config.with_root_certificates(RootCertStore::empty()))
            }
        })?;
    Ok(config.with_no_client_auth())
}

/// The innermost source: reqwest's own text repeats the URL, which may hold a token.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn StdError = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
