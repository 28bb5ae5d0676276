//! A broker of its own for each test, and clients of it that share no code with the product.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::Proxy;
use super::port::Port;
use super::process::signal;

/// How long a client waits for the broker.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker (Tansu) that keeps everything in memory. It is killed when dropped.
pub(crate) struct Broker {
    port: Port,
    /// Where clients find it: itself, or the proxy in front of it.
    address: SocketAddr,
    proxy: Option<Proxy>,
    child: Child,
}

/// A record to be produced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// Chosen by the hash of the key, or at random, if there is none.
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    pub(crate) fn new(payload: impl Into<Vec<u8>>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::default()
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Puts it into this partition.
    pub(crate) fn partition(self, partition: i32) -> Self {
        Self {
            partition: Some(partition),
            ..self
        }
    }
}

impl Broker {
    pub(crate) fn start() -> Self {
        let port = Port::free();
        let address = SocketAddr::from(([127, 0, 0, 1], port.number));
        Self::start_at(port, address, None)
    }

    /// Starts behind a proxy: all clients reach it through that.
    pub(crate) async fn start_behind_proxy() -> Self {
        let port = Port::free();
        let proxy = Proxy::to(SocketAddr::from(([127, 0, 0, 1], port.number))).await;
        Self::start_at(port, proxy.address(), Some(proxy))
    }

    fn start_at(port: Port, address: SocketAddr, proxy: Option<Proxy>) -> Self {
        let child = spawn(port.number, address);
        let broker = Self {
            port,
            address,
            proxy,
            child,
        };
        broker.until_ready();
        broker
    }

    /// The proxy in front of it.
    pub(crate) fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().expect("started behind a proxy")
    }

    /// The URL of a topic.
    pub(crate) fn url(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.address)
    }

    /// The URL of a topic for members of a group.
    ///
    /// A member that is gone is noticed within 3 s. In this broker a member also joins only after
    /// half of that time.
    pub(crate) fn group_url(&self, topic: &str) -> String {
        let url = self.url(topic);
        format!("{url}?session.timeout.ms=3000&heartbeat.interval.ms=300")
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Starts it again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port.number, self.address);
        self.until_ready();
    }

    /// Creates a topic. The broker creates none by itself.
    pub(crate) async fn create_topic(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let created = admin.create_topics([&topic], &options).await.unwrap();
        assert_eq!(created, [Ok(name.to_owned())]);
    }

    /// Produces records, in their order. Returns the partition and offset of each.
    pub(crate) async fn produce(&self, topic: &str, records: &[Record]) -> Vec<(i32, i64)> {
        let mut config = self.config();
        config
            .set("enable.idempotence", "true")
            .set("message.max.bytes", "10000000");
        let producer: FutureProducer = config.create().unwrap();
        let mut places = Vec::with_capacity(records.len());
        // Less than the queue of the producer holds.
        for records in records.chunks(10_000) {
            let sending = records.iter().map(|record| {
                let mut headers = OwnedHeaders::new();
                for (key, value) in &record.headers {
                    let value = value.as_ref();
                    headers = headers.insert(Header { key, value });
                }
                let mut to_send = FutureRecord::<[u8], [u8]>::to(topic).headers(headers);
                to_send.partition = record.partition;
                to_send.key = record.key.as_deref();
                to_send.payload = record.payload.as_deref();
                producer.send_result(to_send).unwrap()
            });
            for delivered in join_all(sending).await {
                let delivery = delivered.unwrap().unwrap();
                places.push((delivery.partition, delivery.offset));
            }
        }
        places
    }

    /// The records of a topic, from its beginning, once there are at least `count` of them.
    pub(crate) async fn read(&self, topic: &str, count: usize) -> Vec<OwnedMessage> {
        let config = self.config();
        let topic = topic.to_owned();
        let read = move || {
            let reader = Reader::at_beginning(&config, &topic);
            let deadline = Instant::now() + PATIENCE;
            let mut records = Vec::new();
            while records.len() < count {
                assert!(Instant::now() < deadline, "{} of {count}", records.len());
                records.extend(reader.next(Duration::from_millis(100)));
            }
            // What is there besides.
            while let Some(record) = reader.next(Duration::from_millis(300)) {
                records.push(record);
            }
            records
        };
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    /// The committed offset of each partition of a topic, unless the group has committed none.
    pub(crate) async fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, i64> {
        let mut config = self.config();
        config.set("group.id", group);
        let topic = topic.to_owned();
        let ask = move || {
            let consumer: BaseConsumer = config.create().unwrap();
            let partitions = partitions(&consumer, &topic);
            let committed = consumer.committed_offsets(partitions, PATIENCE).unwrap();
            let offset =
                |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element
                    .offset()
                {
                    Offset::Offset(offset) => Some((element.partition(), offset)),
                    _ => None,
                };
            committed.elements().iter().filter_map(offset).collect()
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    /// Waits until the committed offsets of a group add up to `total`.
    pub(crate) async fn until_committed(&self, group: &str, topic: &str, total: i64) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let committed = self.committed(group, topic).await;
            if committed.values().sum::<i64>() == total {
                return;
            }
            assert!(Instant::now() < deadline, "{committed:?}, not {total}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address.to_string());
        config
    }

    fn until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port.number)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all partitions of a topic.
struct Reader(BaseConsumer);

impl Reader {
    fn at_beginning(config: &ClientConfig, topic: &str) -> Self {
        let mut config = config.clone();
        // librdkafka wants a group, even if it is never joined.
        config
            .set("group.id", "reader")
            .set("enable.auto.commit", "false");
        let consumer: BaseConsumer = config.create().unwrap();
        let mut partitions = partitions(&consumer, topic);
        partitions.set_all_offsets(Offset::Beginning).unwrap();
        consumer.assign(&partitions).unwrap();
        Self(consumer)
    }

    fn next(&self, timeout: Duration) -> Option<OwnedMessage> {
        let record = self.0.poll(timeout)?;
        Some(record.unwrap().detach())
    }
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> TopicPartitionList {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut list = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        list.add_partition(topic, partition.id());
    }
    list
}

/// The value of a header of a record, as text.
pub(crate) fn header(record: &OwnedMessage, name: &str) -> Option<String> {
    let headers = record.headers()?;
    let header = headers.iter().find(|header| header.key == name)?;
    Some(String::from_utf8_lossy(header.value?).into_owned())
}

/// The binary that `tests/broker/install` installs, or the one that `TANSU` names.
fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("TANSU") {
        return binary.into();
    }
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    target.parent().unwrap().join("broker/tansu")
}

fn spawn(port: u16, advertised: SocketAddr) -> Child {
    Command::new(binary())
        .env("RUST_LOG", "error")
        .args(["broker", "--silent", "--storage-engine", "memory://tansu/"])
        .args(["--listener-url", &format!("tcp://127.0.0.1:{port}")])
        .args(["--advertised-listener-url", &format!("tcp://{advertised}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            let binary = binary();
            panic!("{}: {error}. Run tests/broker/install", binary.display())
        })
}
