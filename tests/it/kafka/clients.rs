//! Producer and consumer on a broker, and on a cluster that answers with errors.

use std::time::Duration;

use orders::kafka::{ClientError, KafkaLog, KafkaUrl, consumer, producer};
use rdkafka::Message;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::FutureRecord;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::util::Timeout;

use crate::harness::{Broker, Fault, Record, header};

const PATIENCE: Duration = Duration::from_secs(20);

async fn next(consumer: &StreamConsumer<KafkaLog>) -> String {
    let record = tokio::time::timeout(PATIENCE, consumer.recv()).await;
    let record = record.expect("a record within the time").unwrap();
    consumer.store_offset_from_message(&record).unwrap();
    String::from_utf8_lossy(record.payload().unwrap()).into_owned()
}

#[tokio::test]
async fn a_record_goes_from_a_producer_to_a_group() {
    let broker = Broker::start();
    broker.create_topic("drinks", 1).await;
    let url: KafkaUrl = broker.group_url("drinks").parse().unwrap();
    let sender = producer(&url).unwrap();
    for drink in ["tea", "cocoa"] {
        let record = FutureRecord::<str, str>::to(url.topic()).payload(drink);
        let sent = sender.send(record, Timeout::After(PATIENCE)).await;
        sent.expect("the broker takes it");
    }

    let reader = consumer(&url, "drinkers", KafkaLog).unwrap();
    reader.subscribe(&[url.topic()]).unwrap();
    assert_eq!(next(&reader).await, "tea");
    reader.commit_consumer_state(CommitMode::Sync).unwrap();
    assert_eq!(next(&reader).await, "cocoa");
    drop(reader);

    // Nothing commits by itself, and the next member continues at what was committed.
    broker.until_committed("drinkers", "drinks", 1).await;
    let reader = consumer(&url, "drinkers", KafkaLog).unwrap();
    reader.subscribe(&[url.topic()]).unwrap();
    assert_eq!(next(&reader).await, "cocoa");
}

#[tokio::test]
async fn the_harness_reads_what_it_has_produced() {
    let broker = Broker::start();
    broker.create_topic("drinks", 3).await;
    let records: Vec<Record> = (0..30)
        .map(|number| {
            let record = Record::new(format!("drink {number}")).partition(number % 3);
            record.header("number", number.to_string())
        })
        .collect();
    let places = broker.produce("drinks", &records).await;
    assert_eq!(places[29], (2, 9));
    let read = broker.read("drinks", 30).await;
    assert_eq!(read.len(), 30);
    for record in read {
        let number = header(&record, "number").unwrap();
        let payload = String::from_utf8_lossy(record.payload().unwrap());
        assert_eq!(payload, format!("drink {number}"));
    }
}

#[tokio::test]
async fn a_producer_sends_again_what_a_broker_has_refused_for_now() {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("drinks", 1, 3).unwrap();
    let transient = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    cluster.request_errors(RDKafkaApiKey::Produce, &[transient; 3]);
    let url: KafkaUrl = format!("kafka://{}/drinks", cluster.bootstrap_servers())
        .parse()
        .unwrap();
    let sender = producer(&url).unwrap();
    let record = FutureRecord::<str, str>::to(url.topic()).payload("tea");
    let sent = sender.send(record, Timeout::After(PATIENCE)).await;
    assert_eq!(sent.expect("it is sent again").offset, 0);
}

#[tokio::test]
async fn a_value_that_librdkafka_does_not_accept_is_named_without_a_secret() {
    let url: KafkaUrl = "kafka://127.0.0.1:1/t?socket.timeout.ms=soon"
        .parse()
        .unwrap();
    let error = producer(&url).err().expect("soon is no number");
    assert!(
        matches!(&error, ClientError::Option { name, .. } if name == "socket.timeout.ms"),
        "{error}"
    );
    let url: KafkaUrl = "kafka://127.0.0.1:1/t?ssl.key.password=s3cret"
        .parse()
        .unwrap();
    if let Err(error) = producer(&url) {
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_outlives_a_lost_connection_and_a_stopped_broker() {
    let mut broker = Broker::start_behind_proxy().await;
    broker.create_topic("drinks", 1).await;
    let url: KafkaUrl = broker.url("drinks").parse().unwrap();
    let sender = producer(&url).unwrap();
    let send = async |payload: &str| {
        let record = FutureRecord::<str, str>::to("drinks").payload(payload);
        let sent = sender.send(record, Timeout::After(PATIENCE)).await;
        sent.expect("it is sent again").offset
    };
    assert_eq!(send("tea").await, 0);

    broker.proxy().inject(Fault::Down);
    let heal = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.proxy().heal();
    };
    assert_eq!(tokio::join!(send("cocoa"), heal).0, 1);

    broker.signal("STOP");
    let resume = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.signal("CONT");
    };
    assert_eq!(tokio::join!(send("mate"), resume).0, 2);

    // What this broker knows does not outlive it.
    broker.kill();
    broker.restart();
    broker.create_topic("drinks", 1).await;
    assert_eq!(
        broker.produce("drinks", &[Record::new("tea")]).await,
        [(0, 0)]
    );
}
