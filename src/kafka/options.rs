//! The options of librdkafka that a URL may set.
//!
//! A short list: what concerns the connection, the way to a broker, and limits of time. Everything
//! on which a promise rests, such as acknowledgements and offsets, is fixed.

/// Which client takes an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Producers and consumers.
    Both,
    /// Producers only.
    Producer,
    /// Consumers only.
    Consumer,
}

/// An option of librdkafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KafkaOption {
    /// Its name.
    pub name: &'static str,
    /// Which client takes it.
    pub side: Side,
    /// Whether its value must not be shown.
    pub secret: bool,
}

const fn option(name: &'static str, side: Side) -> KafkaOption {
    KafkaOption {
        name,
        side,
        secret: false,
    }
}

/// Every option that a URL may set. Their meaning: `CONFIGURATION.md` of librdkafka.
pub const OPTIONS: &[KafkaOption] = &[
    option("broker.address.family", Side::Both),
    option("client.id", Side::Both),
    option("client.rack", Side::Both),
    option("metadata.max.age.ms", Side::Both),
    option("reconnect.backoff.max.ms", Side::Both),
    option("reconnect.backoff.ms", Side::Both),
    option("sasl.mechanism", Side::Both),
    option("security.protocol", Side::Both),
    option("socket.connection.setup.timeout.ms", Side::Both),
    option("socket.keepalive.enable", Side::Both),
    option("socket.timeout.ms", Side::Both),
    option("ssl.ca.location", Side::Both),
    option("ssl.certificate.location", Side::Both),
    option("ssl.key.location", Side::Both),
    KafkaOption {
        secret: true,
        ..option("ssl.key.password", Side::Both)
    },
    option("compression.type", Side::Producer),
    option("linger.ms", Side::Producer),
    option("message.timeout.ms", Side::Producer),
    option("auto.offset.reset", Side::Consumer),
    option("fetch.wait.max.ms", Side::Consumer),
    option("group.instance.id", Side::Consumer),
    option("heartbeat.interval.ms", Side::Consumer),
    option("max.poll.interval.ms", Side::Consumer),
    option("partition.assignment.strategy", Side::Consumer),
    option("session.timeout.ms", Side::Consumer),
];

/// The option of this name.
pub(super) fn find(name: &str) -> Option<&'static KafkaOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// Their names, for an error message.
pub(super) fn names() -> String {
    let names: Vec<&str> = OPTIONS.iter().map(|option| option.name).collect();
    names.join(", ")
}
