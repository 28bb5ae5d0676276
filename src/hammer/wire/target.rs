//! Where requests go.

use std::net::SocketAddr;

use url::Url;

/// One instance of the service under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// As the user wrote it, without credentials.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    /// The value of `Host`.
    pub(crate) authority: String,
    /// What comes before `/orders`, without a slash at the end.
    pub(crate) prefix: String,
}

/// Why a URL is no target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It is no URL at all.
    #[error("`{text}` is not a URL")]
    NotAUrl {
        /// What was given.
        text: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// It is not `http://`.
    #[error("`{0}`: only http:// is spoken; put a TLS terminator that you trust in between")]
    NotHttp(String),
    /// Its host has no address.
    #[error("the host of `{url}` has no address")]
    NoAddress {
        /// The target.
        url: String,
        /// What the resolver said, if it failed.
        source: Option<std::io::Error>,
    },
    /// It is not on this machine.
    #[error(
        "`{0}` is not a loopback address; the hammer makes real orders, so say --allow-remote if they may be made there"
    )]
    Remote(String),
}

impl Target {
    /// Looks `text` up. Unless `allow_remote`, every address that is not loopback is refused.
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
    async fn only_loopback_unless_allowed() {
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
