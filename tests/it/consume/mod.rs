//! `orders consume` on a real broker: every command becomes one order, whatever fails.

mod broker_errors;
mod faults;
mod group;
mod load;
mod orders;
mod poison;
mod rebalance;
mod usage;

use std::process::Command;
use std::time::Duration;

use rdkafka::message::{Message, OwnedMessage};
use serde_json::Value;

use crate::harness::{Broker, Client, Process, Record, TestDatabase, header, order};

/// The topic of the commands, the one of dead letters, and the group.
const TOPIC: &str = "order-commands";
const DEAD_LETTERS: &str = "order-commands.dead-letter";
const GROUP: &str = "orders";

/// A broker with both topics.
async fn broker(partitions: i32) -> Broker {
    let broker = Broker::start();
    create_topics(&broker, partitions).await;
    broker
}

async fn create_topics(broker: &Broker, partitions: i32) {
    broker.create_topic(TOPIC, partitions).await;
    broker.create_topic(DEAD_LETTERS, 1).await;
}

/// `orders consume` with short time limits.
fn consuming(database: &TestDatabase, url: &str) -> Command {
    let mut command = Process::on(database, &["consume", "--from", url, "--group", GROUP]);
    command
        .args(["--metrics-address", "127.0.0.1:0"])
        .args(["--lock-wait=500ms", "--transaction-timeout=1s"])
        .arg("--connect-timeout=500ms");
    command
}

fn start(database: &TestDatabase, broker: &Broker) -> Process {
    Process::start(&mut consuming(database, &broker.group_url(TOPIC)))
}

/// A command with a key in its header.
fn command(key: &str, item: &str, quantity: i64) -> Record {
    Record::new(order(item, quantity)).header("Idempotency-Key", key)
}

/// The value of a metric on the page of a consumer; 0 if it is not there.
async fn metric(client: &Client, name: &str) -> u64 {
    let page = client.get("/metrics").await.expect(200).text();
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    // Counts, and seconds as a decimal.
    let value = line.map(|value| value.trim().split('.').next().unwrap().parse().unwrap());
    value.unwrap_or(0)
}

/// The commands that a consumer has settled with this outcome.
async fn outcome(client: &Client, outcome: &str) -> u64 {
    let name = format!("orders_consumer_commands_total{{outcome=\"{outcome}\"}}");
    metric(client, &name).await
}

/// Waits until a metric has reached a value.
async fn until_metric(client: &Client, name: &str, value: u64) {
    // A starved machine takes its time.
    for _ in 0..1_200 {
        if metric(client, name).await >= value {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} is {}, not {value}", metric(client, name).await);
}

/// The place of a record that became a dead letter, and the code.
fn letter(record: &OwnedMessage) -> (String, String) {
    let value = |name: &str| header(record, &format!("dead-letter-{name}")).unwrap();
    assert_eq!((&*value("topic"), &*value("group")), (TOPIC, GROUP));
    (
        format!("{}/{}", value("partition"), value("offset")),
        value("code"),
    )
}

/// The payload of a record as JSON.
fn json(record: &OwnedMessage) -> Value {
    serde_json::from_slice(record.payload().unwrap()).unwrap()
}
