//! The instances that requests go to.

use std::net::SocketAddr;

use url::Url;

/// One instance of the service under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL without credentials, for messages.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    /// The value of the `Host` header.
    pub(crate) authority: String,
    /// The path before `/orders`, without a trailing slash.
    pub(crate) prefix: String,
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
    /// Its scheme is not `http`.
    #[error("unsupported URL `{0}`: expected http://HOST[:PORT] (TLS needs a local proxy)")]
    NotHttp(String),
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
            address,
            authority: address.to_string(),
            prefix: String::new(),
        }
    }

    /// Resolves a URL. Refuses addresses that are not loopback unless `allow_remote`.
    pub async fn resolve(text: &str, allow_remote: bool) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(|source| TargetError::NotAUrl {
            text: text.to_owned(),
            source,
        })?;
        let host = match url.host_str() {
            Some(host) if url.scheme() == "http" => host,
            _ => return Err(TargetError::NotHttp(text.to_owned())),
        };
        let port = url.port_or_known_default().unwrap_or(80);
        let shown = format!("http://{host}:{port}{}", url.path().trim_end_matches('/'));
        let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let address = match found {
            Ok(mut addresses) => addresses.next().ok_or(None),
            Err(error) => Err(Some(error)),
        }
        .map_err(|source| TargetError::NoAddress {
            url: shown.clone(),
            source,
        })?;
        if !allow_remote && !address.ip().is_loopback() {
            return Err(TargetError::Remote(shown));
        }
        Ok(Self {
            authority: format!("{host}:{port}"),
            prefix: url.path().trim_end_matches('/').to_owned(),
            url: shown,
            address,
        })
    }
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
        let refused = Target::resolve("https://127.0.0.1", false).await;
        assert!(matches!(refused, Err(TargetError::NotHttp(_))));
    }
}
