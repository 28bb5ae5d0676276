//! Kafka URLs: brokers, credentials, one topic and options.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::options::{self, KafkaOption};

/// The longest name of a topic that Kafka accepts.
const TOPIC_LENGTH_MAX: usize = 249;

/// The mechanisms that need no more than a user and a password.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// `kafka://[USER[:PASSWORD]@]HOST:PORT[,HOST:PORT…]/TOPIC[?OPTION=VALUE&…]`
///
/// User, password and values are percent-decoded. With a user, the clients log in by SASL: over TLS
/// unless `security.protocol=sasl_plaintext`, with PLAIN unless `sasl.mechanism` names another.
/// `Debug` and `Display` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaUrl {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    brokers: Vec<String>,
    topic: String,
    /// In their order, each once.
    pub(super) options: Vec<(&'static KafkaOption, String)>,
}

/// Why a text is no Kafka URL. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKafkaUrl {
    /// The program was built without Kafka.
    #[error(
        "kafka:// URLs need the cargo feature kafka, without which this program was built: build it \
         with --features kafka"
    )]
    NoKafka,
    /// The program was built without OpenSSL.
    #[error(
        "{0} in a kafka:// URL needs the cargo feature kafka-tls, without which this program was \
         built: build it with --features kafka-tls"
    )]
    NoTls(&'static str),
    /// A user, but not how to log in without TLS.
    #[error(
        "a user in a kafka:// URL logs in over TLS, which needs the cargo feature kafka-tls: build \
         with --features kafka-tls, or add ?security.protocol=sasl_plaintext to send the password \
         unencrypted"
    )]
    UserNeedsTls,
    /// Another scheme, or none.
    #[error("a Kafka URL must have the form kafka://HOST:PORT[,HOST:PORT...]/TOPIC")]
    Scheme,
    /// A broker without a port, for example.
    #[error("each broker of a Kafka URL must be HOST:PORT, with a port from 1 to 65535")]
    Broker,
    /// The user is missing or not UTF-8 once decoded.
    #[error(
        "the part before @ of a Kafka URL must be USER or USER:PASSWORD, percent-encoded where they \
         have one of : / @ %"
    )]
    Credentials,
    /// Nothing follows the brokers.
    #[error("a Kafka URL must name a topic after the brokers: kafka://HOST:PORT/TOPIC")]
    TopicMissing,
    /// A name that Kafka does not accept.
    #[error(
        "the topic of a Kafka URL must have 1 to {TOPIC_LENGTH_MAX} of the characters a-z, A-Z, 0-9, \
         '.', '_' and '-', and must not be . or .."
    )]
    Topic,
    /// An option that is fixed, or that does not exist.
    #[error(
        "a Kafka URL cannot set the option {name:?}, only these: {}",
        options::names()
    )]
    Option {
        /// The name, without its value.
        name: String,
    },
    /// The same option twice.
    #[error("the option {0} occurs twice in a Kafka URL")]
    OptionTwice(&'static str),
    /// An unknown way to connect.
    #[error(
        "security.protocol in a Kafka URL must be plaintext or ssl, or sasl_plaintext or sasl_ssl \
         with a user"
    )]
    Protocol,
    /// An unknown way to log in.
    #[error("sasl.mechanism in a Kafka URL must be one of {}", MECHANISMS.join(", "))]
    Mechanism,
}

impl KafkaUrl {
    /// The brokers to ask first, as `HOST:PORT`.
    #[must_use]
    pub fn brokers(&self) -> &[String] {
        &self.brokers
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The same brokers and options with another topic.
    pub fn with_topic(&self, topic: &str) -> Result<Self, InvalidKafkaUrl> {
        check_topic(topic)?;
        Ok(Self {
            topic: topic.to_owned(),
            ..self.clone()
        })
    }

    fn option(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .options
            .iter()
            .find(|(option, _)| option.name == name)?;
        Some(value)
    }

    /// Checks what the options mean for each other, and that this program can do it.
    fn check_security(&self) -> Result<(), InvalidKafkaUrl> {
        let has_tls = cfg!(feature = "kafka-tls");
        let logs_in = self.user.is_some();
        match self.option("security.protocol") {
            None if logs_in && !has_tls => return Err(InvalidKafkaUrl::UserNeedsTls),
            Some("ssl") if logs_in => return Err(InvalidKafkaUrl::Protocol),
            Some("ssl" | "sasl_ssl") if !has_tls => {
                return Err(InvalidKafkaUrl::NoTls("security.protocol"));
            }
            None | Some("ssl") => {}
            Some("plaintext") if !logs_in => {}
            Some("sasl_plaintext" | "sasl_ssl") if logs_in => {}
            Some(_) => return Err(InvalidKafkaUrl::Protocol),
        }
        match self.option("sasl.mechanism") {
            Some(mechanism) if !MECHANISMS.contains(&mechanism) => Err(InvalidKafkaUrl::Mechanism),
            // OpenSSL computes the digests of SCRAM.
            Some(mechanism) if mechanism != "PLAIN" && !has_tls => {
                Err(InvalidKafkaUrl::NoTls("sasl.mechanism"))
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for KafkaUrl {
    type Err = InvalidKafkaUrl;

    fn from_str(text: &str) -> Result<Self, InvalidKafkaUrl> {
        let rest = text.trim().strip_prefix("kafka://");
        let rest = rest.ok_or(InvalidKafkaUrl::Scheme)?;
        if !cfg!(feature = "kafka") {
            return Err(InvalidKafkaUrl::NoKafka);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, topic) = place.split_once('/').unwrap_or((place, ""));
        let (credentials, brokers) = match authority.rsplit_once('@') {
            Some((credentials, brokers)) => (Some(credentials), brokers),
            None => (None, authority),
        };
        let (user, password) = match credentials {
            Some(credentials) => parse_credentials(credentials)?,
            None => (None, None),
        };
        let brokers: Vec<String> = brokers.split(',').map(str::to_owned).collect();
        if !brokers.iter().all(|broker| is_broker(broker)) {
            return Err(InvalidKafkaUrl::Broker);
        }
        if topic.is_empty() {
            return Err(InvalidKafkaUrl::TopicMissing);
        }
        check_topic(topic)?;
        let url = Self {
            user,
            password,
            brokers,
            topic: topic.to_owned(),
            options: parse_options(query)?,
        };
        url.check_security()?;
        Ok(url)
    }
}

type Credentials = (Option<String>, Option<String>);

fn parse_credentials(text: &str) -> Result<Credentials, InvalidKafkaUrl> {
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(InvalidKafkaUrl::Credentials),
    };
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(decode(password)?)),
        None => (text, None),
    };
    if user.is_empty() {
        return Err(InvalidKafkaUrl::Credentials);
    }
    Ok((Some(decode(user)?), password))
}

/// `HOST:PORT`. An IPv6 address is in brackets.
fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '%');
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match in_brackets {
        Some(address) => !address.is_empty() && address.chars().all(is_address),
        None => !host.is_empty() && host.chars().all(is_name),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_topic(topic: &str) -> Result<(), InvalidKafkaUrl> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_topic = (1..=TOPIC_LENGTH_MAX).contains(&topic.len())
        && topic.chars().all(is_allowed)
        && topic != "."
        && topic != "..";
    is_topic.then_some(()).ok_or(InvalidKafkaUrl::Topic)
}

fn parse_options(query: &str) -> Result<Vec<(&'static KafkaOption, String)>, InvalidKafkaUrl> {
    let mut options: Vec<(&'static KafkaOption, String)> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let unknown = || InvalidKafkaUrl::Option {
            name: name.clone().into_owned(),
        };
        let option = options::find(&name).ok_or_else(unknown)?;
        if options.iter().any(|(other, _)| *other == option) {
            return Err(InvalidKafkaUrl::OptionTwice(option.name));
        }
        options.push((option, value.into_owned()));
    }
    Ok(options)
}

impl fmt::Display for KafkaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("kafka://")?;
        if let Some(user) = &self.user {
            write!(
                f,
                "{user}{}@",
                self.password.as_ref().map_or("", |_| ":***")
            )?;
        }
        write!(f, "{}/{}", self.brokers.join(","), self.topic)?;
        for (index, (option, value)) in self.options.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            let value = if option.secret { "***" } else { value };
            write!(f, "{separator}{}={value}", option.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for KafkaUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KafkaUrl({self})")
    }
}
