//! Events as messages of Kafka: against a broker, and against errors of one.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::message::{Message, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use uuid::Uuid;

use super::{Relay, Seen, assert_one_for_each, place, relaying, serving, until_published};
use crate::cli::run;
use crate::harness::{Backend, Broker, Fault, Process, TestDatabase, header, on_both};

/// The event in a message, with its attributes checked.
#[track_caller]
pub(super) fn seen(message: &OwnedMessage) -> Seen {
    let attribute = |name: &str| header(message, name).unwrap_or_default();
    assert_eq!(attribute("ce_specversion"), "1.0");
    assert_eq!(attribute("ce_type"), "orders.order.placed");
    assert_eq!(attribute("ce_source"), "/orders");
    assert_eq!(attribute("content-type"), "application/json");
    humantime::parse_rfc3339(&attribute("ce_time")).unwrap();
    let subject: Uuid = attribute("ce_subject").parse().unwrap();
    assert_eq!(message.key(), Some(subject.to_string().as_bytes()));
    let text = String::from_utf8(message.payload().unwrap().to_vec()).unwrap();
    let order: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(order["id"], subject.to_string());
    Seen {
        id: attribute("ce_id").parse().unwrap(),
        subject,
        text,
    }
}

/// A relay whose messages have time to reach the broker also while all tests run.
fn relay(database: &TestDatabase, url: &str) -> Relay {
    Relay::start(relaying(database, url).env("ORDERS_PUBLISH_TIMEOUT", "5s"))
}

on_both! {
    async fn each_order_is_a_message_with_its_id_as_the_key(database: &TestDatabase) {
        let broker = Broker::start();
        broker.create_topic("orders", 3).await;
        let server = Process::serve_with(database, &["--events", &broker.url("orders")]);
        place(&server, 0..300).await;
        until_published(database).await;
        server.stop();
        let messages = broker.read("orders", 300).await;
        assert_eq!(messages.len(), 300, "nothing was sent twice");
        let seen: Vec<Seen> = messages.iter().map(seen).collect();
        assert_one_for_each(&seen, &database.order_ids().await);
    }
}

on_both! {
    async fn a_broker_that_is_away_gets_everything_when_it_returns(database: &TestDatabase) {
        let broker = Broker::start_behind_proxy().await;
        broker.create_topic("orders", 2).await;
        let server = serving(database);
        let relay = relay(database, &broker.url("orders"));
        for round in 0..3 {
            broker.proxy().inject(Fault::Down);
            place(&server, round * 100..round * 100 + 50).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
            broker.proxy().heal();
            place(&server, round * 100 + 50..round * 100 + 100).await;
        }
        until_published(database).await;
        relay.stop();
        server.stop();
        let seen: Vec<Seen> = broker.read("orders", 300).await.iter().map(seen).collect();
        assert_one_for_each(&seen, &database.order_ids().await);
    }
}

on_both! {
    async fn a_broker_that_lost_its_data_does_not_end_the_relay(database: &TestDatabase) {
        let mut broker = Broker::start();
        broker.create_topic("orders", 1).await;
        let server = serving(database);
        let relay = relay(database, &broker.url("orders"));
        place(&server, 0..50).await;
        until_published(database).await;
        broker.kill();
        place(&server, 50..100).await;
        broker.restart();
        broker.create_topic("orders", 1).await;
        place(&server, 100..150).await;
        until_published(database).await;
        relay.stop();
        server.stop();
        // The first fifty are lost with the broker, which had acknowledged them.
        let messages = broker.read("orders", 100).await;
        let subjects = messages.iter().map(|message| seen(message).subject);
        assert_eq!(subjects.collect::<BTreeSet<_>>().len(), 100);
    }
}

on_both! {
    async fn errors_of_the_broker_lose_nothing(database: &TestDatabase) {
        let cluster = MockCluster::new(3).unwrap();
        cluster.create_topic("orders", 2, 3).unwrap();
        let url = format!("kafka://{}/orders", cluster.bootstrap_servers());
        let server = serving(database);
        // The first is permanent for a message, the others are retried by the producer.
        cluster.request_errors(
            RDKafkaApiKey::Produce,
            &[
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG,
                RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
            ],
        );
        let relay = relay(database, &url);
        for round in 0..5 {
            place(&server, round * 40..(round + 1) * 40).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        until_published(database).await;
        relay.stop();
        server.stop();
        let brokers = cluster.bootstrap_servers();
        let messages = tokio::task::spawn_blocking(move || read(&brokers, 200)).await.unwrap();
        let seen: Vec<Seen> = messages.iter().map(seen).collect();
        assert_one_for_each(&seen, &database.order_ids().await);
    }
}

/// The messages of the topic `orders`, once there are at least `count`.
fn read(brokers: &str, count: usize) -> Vec<OwnedMessage> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let mut config = rdkafka::ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "reader")
        .set("auto.offset.reset", "earliest");
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["orders"]).unwrap();
    let mut messages = Vec::new();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while messages.len() < count {
        assert!(
            std::time::Instant::now() < deadline,
            "{} of {count}",
            messages.len()
        );
        let message = consumer.poll(Duration::from_millis(100));
        messages.extend(message.map(|message| message.unwrap().detach()));
    }
    while let Some(message) = consumer.poll(Duration::from_millis(300)) {
        messages.push(message.unwrap().detach());
    }
    messages
}

#[tokio::test]
async fn the_check_asks_for_the_topic() {
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    let broker = Broker::start();
    broker.create_topic("orders", 1).await;
    let check = |url: &str| {
        let mut command = Process::on(&database, &["serve", "--check", "--events", url]);
        run(command.env("ORDERS_PUBLISH_TIMEOUT", "2s"))
    };
    let (code, stdout, stderr) = check(&broker.url("orders"));
    assert_eq!((code, &*stdout), (0, "ok\n"), "{stderr}");
    let (code, _, stderr) = check(&broker.url("other"));
    assert_eq!(code, 2);
    assert!(stderr.contains("no topic other"), "{stderr}");
    let (code, _, stderr) = check("kafka://127.0.0.1:1/orders");
    assert_eq!(code, 2);
    assert!(stderr.contains("no broker answers"), "{stderr}");
    assert!(broker.read("orders", 0).await.is_empty());
    database.finish().await;
}
