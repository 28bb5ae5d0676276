//! The instances that requests go to.

use std::net::SocketAddr;
use std::time::Duration;

use url::{Position, Url};

use super::tls::{Tls, Trust, TrustError};
use super::{Connection, WireError};

/// One instance of the service under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL without credentials, for messages.
    pub(crate) url: String,
    /// The host of the URL.
    pub(super) host: String,
    pub(crate) address: SocketAddr,
    /// The other addresses of its host.
    others: Vec<SocketAddr>,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// The path before that of the contract, without a trailing slash.
    pub(crate) prefix: String,
    /// How to encrypt, for `https`.
    pub(crate) tls: Option<Tls>,
}

/// Why a URL cannot be a target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is not a URL.
    #[error("`{text}` is not a URL")]
    NotAUrl {
        /// The text that was given.
        text: String,
        /// The error of the parser.
        source: url::ParseError,
    },
    /// It begins with a host.
    #[error("`{0}` is not a URL: did you mean http://{0}?")]
    NoScheme(String),
    /// Its scheme is neither `http` nor `https`.
    #[error("unsupported URL `{0}`: expected http://HOST[:PORT] or https://HOST[:PORT]")]
    NotHttp(String),
    /// Its certificate cannot be verified.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It has parts that requests do not have.
    #[error("a target has no {part}: pass {instead}")]
    Superfluous {
        /// The part that is too much.
        part: &'static str,
        /// What to pass instead.
        instead: String,
    },
    /// Its host cannot be resolved.
    #[error("cannot resolve the host of `{url}`")]
    NoAddress {
        /// The URL.
        url: String,
        /// The error of the resolver, if it failed.
        source: Option<std::io::Error>,
    },
    /// Its address is not loopback.
    #[error(
        "`{0}` is not a loopback address and the hammer creates real orders: pass --allow-remote to allow it"
    )]
    Remote(String),
}

impl Target {
    /// An instance on this machine.
    pub(crate) fn loopback(address: SocketAddr) -> Self {
        Self {
            url: format!("http://{address}"),
            host: address.ip().to_string(),
            address,
            others: Vec::new(),
            authority: address.to_string(),
            prefix: String::new(),
            tls: None,
        }
    }

    /// Resolves a URL. Refuses addresses that are not loopback unless `allow_remote`.
    pub async fn resolve(text: &str, allow_remote: bool) -> Result<Self, TargetError> {
        Self::resolve_trusting(text, allow_remote, &Trust::default()).await
    }

    /// Resolves a URL; `trust` says how a certificate is verified.
    pub async fn resolve_trusting(
        text: &str,
        allow_remote: bool,
        trust: &Trust,
    ) -> Result<Self, TargetError> {
        let (url, host) = parse(text)?;
        let tls = match url.scheme() {
            "https" => Some(Tls::new(&host, trust)?),
            _ => None,
        };
        let port = url.port_or_known_default().unwrap_or(80);
        let scheme = url.scheme();
        let shown = format!(
            "{scheme}://{host}:{port}{}",
            url.path().trim_end_matches('/')
        );
        let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let no_address = |source| TargetError::NoAddress {
            url: shown.clone(),
            source,
        };
        let mut addresses: Vec<SocketAddr> =
            found.map_err(|error| no_address(Some(error)))?.collect();
        if addresses.is_empty() {
            return Err(no_address(None));
        }
        if !allow_remote && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(TargetError::Remote(shown));
        }
        Ok(Self {
            authority: format!("{host}:{port}"),
            host,
            prefix: url.path().trim_end_matches('/').to_owned(),
            url: shown,
            address: addresses.remove(0),
            others: addresses,
            tls,
        })
    }

    /// Whether its certificate is not verified.
    pub(crate) fn is_insecure(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.insecure)
    }

    /// Chooses the first address that accepts a connection, without sending a request.
    pub(crate) async fn reach(&mut self, limit: Duration) -> Result<(), WireError> {
        let mut result = Connection::open(self, limit).await;
        for other in std::mem::take(&mut self.others) {
            if result.is_ok() {
                break;
            }
            let candidate = Self {
                address: other,
                ..self.clone()
            };
            if let Ok(connection) = Connection::open(&candidate, limit).await {
                (*self, result) = (candidate, Ok(connection));
            }
        }
        result.map(drop)
    }
}

/// Parses a URL; returns it with its host.
fn parse(text: &str) -> Result<(Url, String), TargetError> {
    // `localhost:3000` is a URL with the scheme `localhost`, and `127.0.0.1:3000` is none.
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(_) if text.contains("://") => return Err(TargetError::NotHttp(text.to_owned())),
        Err(source) if text.contains("://") => {
            let text = text.to_owned();
            return Err(TargetError::NotAUrl { text, source });
        }
        _ if Url::parse(&format!("http://{text}")).is_ok_and(|url| url.has_host()) => {
            return Err(TargetError::NoScheme(text.to_owned()));
        }
        _ => return Err(TargetError::NotHttp(text.to_owned())),
    };
    let Some(host) = url.host_str().map(str::to_owned) else {
        return Err(TargetError::NotHttp(text.to_owned()));
    };
    let without = |part, instead: String| Err(TargetError::Superfluous { part, instead });
    if !url.username().is_empty() || url.password().is_some() {
        let header = "--header 'Authorization: Basic …'";
        return without("user name or password", header.to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        let part = if url.query().is_some() {
            "query"
        } else {
            "fragment"
        };
        return without(part, url[..Position::AfterPath].to_owned());
    }
    Ok((url, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_http_is_allowed_by_default() {
        let target = Target::resolve("http://127.0.0.1:81/base/", false)
            .await
            .unwrap();
        assert_eq!(
            (target.prefix.as_str(), target.authority.as_str()),
            ("/base", "127.0.0.1:81")
        );
        let refused = Target::resolve("http://192.0.2.1:81", false).await;
        assert!(matches!(refused, Err(TargetError::Remote(_))));
        assert!(Target::resolve("http://192.0.2.1:81", true).await.is_ok());
    }

    #[tokio::test]
    async fn a_wrong_url_is_refused_with_what_to_pass_instead() {
        for (text, said) in [
            ("localhost:3000", "did you mean http://localhost:3000?"),
            ("127.0.0.1:3000", "did you mean http://127.0.0.1:3000?"),
            ("example.org", "did you mean http://example.org?"),
            (
                "http://127.0.0.1:3000/shop?a=b",
                "a target has no query: pass http://127.0.0.1:3000/shop",
            ),
            ("http://127.0.0.1:3000/#top", "a target has no fragment"),
            ("http://u:secret@127.0.0.1", "a target has no user name"),
            ("ftp://127.0.0.1", "unsupported URL `ftp://127.0.0.1`"),
            ("http://", "`http://` is not a URL"),
        ] {
            let refused = Target::resolve(text, false).await.unwrap_err().to_string();
            assert!(refused.contains(said), "{text}: {refused}");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
