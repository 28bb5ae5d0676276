//! Events: one for each order, none without an order, whatever fails on the way.

mod backlog;
mod chaos;
mod exactly;
mod faults;
mod flags;
mod kafka;
mod outages;
mod probes;
mod receiver;
mod relays;
mod signatures;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use self::receiver::Receiver;
use crate::harness::{Process, TestDatabase};

/// A secret of 24 bytes, and the secret itself.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// `orders relay` to a receiver, with a short time limit: its leases last five seconds.
fn relaying(database: &TestDatabase, url: &str) -> Command {
    let mut command = Process::on(database, &["relay", "--events", url]);
    command
        .env("ORDERS_WEBHOOK_SECRET", SECRET)
        .env("ORDERS_PUBLISH_TIMEOUT", "1s")
        .stdout(Stdio::null());
    command
}

/// [`relaying`] with a long time limit, for a test that expects no event twice: a starved machine is
/// no receiver that is away.
fn relaying_patiently(database: &TestDatabase, url: &str) -> Command {
    let mut command = relaying(database, url);
    command.env("ORDERS_PUBLISH_TIMEOUT", "1m");
    command
}

/// A running relay. It is killed with SIGKILL when dropped.
struct Relay(Child);

impl Relay {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// Kills the process with SIGKILL.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Shuts down with SIGTERM and expects exit code 0.
    fn stop(mut self) {
        let id = self.0.id().to_string();
        let kill = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(kill.unwrap().success());
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `orders serve` that leaves its events to relays.
fn serving(database: &TestDatabase) -> Process {
    Process::serve_with(database, &["--events", "stdout:", "--no-relay"])
}

/// Places orders with the keys of these numbers.
async fn place(server: &Process, numbers: std::ops::Range<usize>) {
    let keys = numbers.map(|number| format!("key-{number}"));
    for reply in server
        .client
        .place_all(keys, r#"{"item":"tea","quantity":2}"#)
        .await
    {
        reply.expect(201);
    }
}

/// An event as its consumer sees it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    id: Uuid,
    subject: Uuid,
    text: String,
}

impl Seen {
    /// Reads a `CloudEvent`, and checks its attributes.
    #[track_caller]
    fn read(text: &str) -> Self {
        let event: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text:?}"));
        assert_eq!(event["specversion"], "1.0", "{text}");
        assert_eq!(event["type"], "orders.order.placed", "{text}");
        assert_eq!(event["datacontenttype"], "application/json", "{text}");
        assert_eq!(event["data"]["id"], event["subject"], "{text}");
        let time = event["time"].as_str().unwrap();
        humantime::parse_rfc3339(time).unwrap();
        let id = |name: &str| event[name].as_str().unwrap().parse().unwrap();
        Self {
            id: id("id"),
            subject: id("subject"),
            text: text.to_owned(),
        }
    }
}

/// Asserts that the events, each counted once by its id, are those of the orders, one for each. One
/// that was published again is the same.
#[track_caller]
fn assert_one_for_each(seen: &[Seen], orders: &BTreeSet<Uuid>) {
    let mut events: BTreeMap<Uuid, &Seen> = BTreeMap::new();
    for event in seen {
        let first = *events.entry(event.id).or_insert(event);
        assert_eq!(first, event, "the same event differs");
    }
    let subjects: Vec<Uuid> = events.values().map(|event| event.subject).collect();
    let distinct: BTreeSet<Uuid> = subjects.iter().copied().collect();
    assert_eq!(distinct.len(), subjects.len(), "two events of one order");
    assert_eq!(&distinct, orders);
}

/// Waits until nothing is left to publish.
async fn until_published(database: &TestDatabase) {
    // An event that has failed several times is tried again after many seconds, and fails more often
    // on a starved machine.
    let deadline = Instant::now() + Duration::from_mins(5);
    while database.backlog().await > 0 {
        assert!(
            Instant::now() < deadline,
            "{} left",
            database.backlog().await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The lines of a file, as far as they are complete.
fn lines(file: &std::path::Path) -> Vec<Seen> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(Seen::read).collect()
}

/// Appends stdout to a file.
fn append(file: &std::path::Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(file)
        .unwrap()
}
