//! Where events are published.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::kafka::{InvalidKafkaUrl, KafkaUrl};

/// The address of a sink.
#[derive(Clone, PartialEq, Eq)]
pub enum SinkUrl {
    /// `stdout:`
    Stdout,
    /// `https://…` or `http://…`
    Webhook(Url),
    /// `kafka://HOST:PORT[,HOST:PORT]/TOPIC`
    Kafka(KafkaUrl),
}

/// The text does not name a sink. It is not repeated: the path of a webhook may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSinkUrl {
    /// Another scheme, or none.
    #[error(
        "expected stdout:, https://HOST/PATH, http://HOST/PATH or kafka://HOST:PORT[,HOST:PORT]/TOPIC"
    )]
    Scheme,
    /// A webhook that does not parse.
    #[error("the URL of the webhook is malformed")]
    Malformed,
    /// A webhook with a user or a password.
    #[error("the URL of a webhook must not hold a user or a password: webhooks are signed instead")]
    Credentials,
    /// A webhook with a fragment.
    #[error("the URL of a webhook must not have a fragment")]
    Fragment,
    /// A Kafka URL that does not parse, or a program without Kafka.
    #[error(transparent)]
    Kafka(#[from] InvalidKafkaUrl),
}

impl FromStr for SinkUrl {
    type Err = InvalidSinkUrl;

    fn from_str(text: &str) -> Result<Self, InvalidSinkUrl> {
        let scheme = text.split_once(':').map(|(scheme, _)| scheme);
        match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("stdout") if text.len() == "stdout:".len() => Ok(Self::Stdout),
            Some("http" | "https") => webhook(text).map(Self::Webhook),
            Some("kafka") => Ok(Self::Kafka(text.parse()?)),
            _ => Err(InvalidSinkUrl::Scheme),
        }
    }
}

fn webhook(text: &str) -> Result<Url, InvalidSinkUrl> {
    let url = Url::parse(text).map_err(|_| InvalidSinkUrl::Malformed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidSinkUrl::Credentials);
    }
    if url.fragment().is_some() {
        return Err(InvalidSinkUrl::Fragment);
    }
    Ok(url)
}

/// Without the path of a webhook, which may hold a token.
impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout:"),
            Self::Webhook(url) => f.write_str(&url.origin().ascii_serialization()),
            Self::Kafka(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinkUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_the_sink() {
        assert_eq!("stdout:".parse(), Ok(SinkUrl::Stdout));
        let webhook: SinkUrl = "https://h.example/t0ken?a=s3cret".parse().unwrap();
        assert_eq!(webhook.to_string(), "https://h.example");
        assert!(!format!("{webhook:?}").contains("s3cret"));
        for (text, error) in [
            ("", InvalidSinkUrl::Scheme),
            ("stdout", InvalidSinkUrl::Scheme),
            ("stdout:x", InvalidSinkUrl::Scheme),
            ("ftp://h", InvalidSinkUrl::Scheme),
            ("https://", InvalidSinkUrl::Malformed),
            ("https://u@h", InvalidSinkUrl::Credentials),
            ("https://:p@h", InvalidSinkUrl::Credentials),
            ("https://h#f", InvalidSinkUrl::Fragment),
        ] {
            assert_eq!(text.parse::<SinkUrl>(), Err(error), "{text}");
        }
    }
}
