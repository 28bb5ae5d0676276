//! Kafka URLs.

use orders::kafka::{InvalidKafkaUrl, KafkaUrl};

fn refused(text: &str) -> InvalidKafkaUrl {
    let error = text.parse::<KafkaUrl>().unwrap_err();
    assert!(!error.to_string().contains("s3cret"), "{error}");
    error
}

#[test]
fn a_url_names_brokers_and_a_topic() {
    let url: KafkaUrl = "kafka://a.example:9092,[::1]:9093/order-commands?client.id=me"
        .parse()
        .unwrap();
    assert_eq!(url.brokers(), ["a.example:9092", "[::1]:9093"]);
    assert_eq!(url.topic(), "order-commands");
    let other = url.with_topic("order-commands.dead-letter").unwrap();
    assert_eq!(other.topic(), "order-commands.dead-letter");
    assert_eq!(other.brokers(), url.brokers());
    assert_eq!(url.with_topic("a b"), Err(InvalidKafkaUrl::Topic));
}

#[test]
fn a_password_is_never_shown() {
    for (text, shown) in [
        (
            "kafka://me:s3cret@h:1/t?security.protocol=sasl_plaintext",
            "kafka://me:***@h:1/t?security.protocol=sasl_plaintext",
        ),
        (
            "kafka://me%40x:s3cret%3A@h:1/t?security.protocol=sasl_plaintext",
            "kafka://me@x:***@h:1/t?security.protocol=sasl_plaintext",
        ),
        (
            "kafka://h:1/t?ssl.key.password=s3cret&client.id=me",
            "kafka://h:1/t?ssl.key.password=***&client.id=me",
        ),
        ("kafka://h:1/t", "kafka://h:1/t"),
    ] {
        let url: KafkaUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("KafkaUrl({shown})"));
    }
}

#[test]
fn what_is_not_a_kafka_url_is_refused_with_the_rule() {
    let long = format!("kafka://h:1/{}", "t".repeat(250));
    for (text, error) in [
        ("", InvalidKafkaUrl::Scheme),
        ("h:9092/t", InvalidKafkaUrl::Scheme),
        ("http://me:s3cret@h:1/t", InvalidKafkaUrl::Scheme),
        ("kafka://h/t", InvalidKafkaUrl::Broker),
        ("kafka:///t", InvalidKafkaUrl::Broker),
        ("kafka://h:0/t", InvalidKafkaUrl::Broker),
        ("kafka://h:1,/t", InvalidKafkaUrl::Broker),
        ("kafka://::1:9092/t", InvalidKafkaUrl::Broker),
        ("kafka://a b:9092/t", InvalidKafkaUrl::Broker),
        ("kafka://:s3cret@h:1/t", InvalidKafkaUrl::Credentials),
        ("kafka://me:s3cret%ff@h:1/t", InvalidKafkaUrl::Credentials),
        ("kafka://h:1", InvalidKafkaUrl::TopicMissing),
        ("kafka://h:1/?client.id=me", InvalidKafkaUrl::TopicMissing),
        ("kafka://h:1/a/b", InvalidKafkaUrl::Topic),
        ("kafka://h:1/..", InvalidKafkaUrl::Topic),
        ("kafka://h:1/ä", InvalidKafkaUrl::Topic),
        (&long, InvalidKafkaUrl::Topic),
        (
            "kafka://h:1/t?client.id=a&client.id=b",
            InvalidKafkaUrl::OptionTwice("client.id"),
        ),
        (
            "kafka://h:1/t?security.protocol=tls",
            InvalidKafkaUrl::Protocol,
        ),
        (
            "kafka://h:1/t?security.protocol=sasl_plaintext",
            InvalidKafkaUrl::Protocol,
        ),
        (
            "kafka://me:s3cret@h:1/t?security.protocol=plaintext",
            InvalidKafkaUrl::Protocol,
        ),
        (
            "kafka://me:s3cret@h:1/t?security.protocol=sasl_plaintext&sasl.mechanism=GSSAPI",
            InvalidKafkaUrl::Mechanism,
        ),
    ] {
        assert_eq!(refused(text), error, "{text}");
    }
}

#[test]
fn an_option_on_which_a_promise_rests_cannot_be_set() {
    for name in [
        "acks",
        "enable.idempotence",
        "enable.auto.commit",
        "debug",
        "sasl.password",
    ] {
        let error = refused(&format!("kafka://h:1/t?{name}=s3cret"));
        let name = name.to_owned();
        assert_eq!(error, InvalidKafkaUrl::Option { name });
        assert!(error.to_string().contains("security.protocol"), "{error}");
    }
}

#[cfg(not(feature = "kafka-tls"))]
#[test]
fn without_openssl_a_url_that_needs_it_is_refused() {
    for text in [
        "kafka://h:1/t?security.protocol=ssl",
        "kafka://me:s3cret@h:1/t?security.protocol=sasl_ssl",
        "kafka://me:s3cret@h:1/t",
        "kafka://me:s3cret@h:1/t?security.protocol=sasl_plaintext&sasl.mechanism=SCRAM-SHA-256",
    ] {
        let error = refused(text).to_string();
        assert!(error.contains("cargo feature kafka-tls"), "{text}: {error}");
    }
}
