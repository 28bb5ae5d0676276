//! Brokers that answer with errors: librdkafka's mock cluster.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};

use super::{DEAD_LETTERS, GROUP, TOPIC, consuming, metric, until_metric};
use crate::harness::{Process, TestDatabase, on_both, order};

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster() -> Cluster {
    cluster_of(1)
}

/// A cluster whose topic has so many partitions.
pub(super) fn cluster_of(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic(TOPIC, partitions, 3).unwrap();
    cluster.create_topic(DEAD_LETTERS, 1, 3).unwrap();
    cluster
}

/// The URL of the topic of the commands.
pub(super) fn url(cluster: &Cluster, options: &str) -> String {
    format!("kafka://{}/{TOPIC}?{options}", cluster.bootstrap_servers())
}

fn start(database: &TestDatabase, cluster: &Cluster) -> Process {
    start_with(database, cluster, "")
}

pub(super) fn start_with(database: &TestDatabase, cluster: &Cluster, options: &str) -> Process {
    Process::start(&mut consuming(database, &url(cluster, options)))
}

pub(super) async fn produce(cluster: &Cluster, payload: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    let producer: FutureProducer = config.create().unwrap();
    let record = FutureRecord::<str, str>::to(TOPIC).payload(payload);
    producer
        .send(record, Timeout::After(PATIENCE))
        .await
        .unwrap();
}

/// The committed offset of the group.
async fn committed(cluster: &Cluster) -> Option<i64> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("group.id", GROUP);
    let ask = move || {
        let consumer: BaseConsumer = config.create().unwrap();
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition(TOPIC, 0);
        let committed = consumer.committed_offsets(partitions, PATIENCE).unwrap();
        match committed.elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

async fn until_committed(cluster: &Cluster, offset: i64) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while committed(cluster).await != Some(offset) {
        assert!(Instant::now() < deadline, "{offset} is not committed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

on_both! {
    async fn a_commit_that_was_refused_is_repeated(database: &TestDatabase) {
        let cluster = cluster();
        let consumer = start(database, &cluster);
        produce(&cluster, &order("tea", 1)).await;
        until_committed(&cluster, 1).await;
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[refused]);
        produce(&cluster, &order("tea", 2)).await;
        until_metric(&consumer.client, "orders_consumer_commit_failures_total", 1).await;
        // Although nothing else arrives.
        until_committed(&cluster, 2).await;
        assert_eq!(database.orders().await, 2);
        consumer.stop();
    }
}

on_both! {
    async fn a_dead_letter_that_was_refused_is_sent_again(database: &TestDatabase) {
        let cluster = cluster();
        let consumer = start(database, &cluster);
        produce(&cluster, "{").await;
        let letters = "orders_consumer_dead_letters_total{reason=\"body_invalid\"}";
        until_metric(&consumer.client, letters, 1).await;
        until_committed(&cluster, 1).await;

        // While the consumer is stopped, the next refusals are meant for its dead letter.
        consumer.signal("STOP");
        produce(&cluster, "[").await;
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::Produce, &[refused; 2]);
        consumer.signal("CONT");
        until_metric(&consumer.client, letters, 2).await;
        until_committed(&cluster, 2).await;
        consumer.stop();
    }
}

on_both! {
    async fn a_fetch_that_was_refused_is_repeated(database: &TestDatabase) {
        let cluster = cluster();
        let not_leader = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
        cluster.request_errors(RDKafkaApiKey::Fetch, &[not_leader; 3]);
        produce(&cluster, &order("tea", 1)).await;
        let consumer = start(database, &cluster);
        until_committed(&cluster, 1).await;
        // The partition moves to another broker, and again to another.
        for (leader, offset) in [(1, 2), (2, 3)] {
            cluster.partition_leader(TOPIC, 0, Some(leader)).unwrap();
            produce(&cluster, &order("tea", offset)).await;
            until_committed(&cluster, offset).await;
        }
        assert_eq!(database.orders().await, 3);
        consumer.stop();
    }
}

on_both! {
    async fn poison_waits_for_a_dead_letter_topic_and_is_not_lost(database: &TestDatabase) {
        let cluster = cluster();
        let missing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        cluster.topic_error(DEAD_LETTERS, missing).unwrap();
        for payload in [&*order("tea", 1), "{", &order("tea", 2)] {
            produce(&cluster, payload).await;
        }
        let options = "message.timeout.ms=1500&metadata.max.age.ms=500";
        let consumer = start_with(database, &cluster, options);
        database.until("SELECT count(*) FROM orders", |count| count == 2).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        let letters = "orders_consumer_dead_letters_total{reason=\"body_invalid\"}";
        assert_eq!(metric(&consumer.client, letters).await, 0, "it is nowhere yet");
        assert_eq!(committed(&cluster).await, None);

        let there = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        cluster.topic_error(DEAD_LETTERS, there).unwrap();
        until_committed(&cluster, 3).await;
        assert_eq!(metric(&consumer.client, letters).await, 1);
        consumer.stop();
    }
}
