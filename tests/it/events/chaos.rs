//! Ten thousand orders under load, while the server, a relay and the connection to the broker are
//! killed in turn: one event for each order.
//!
//! The broker keeps everything in memory, so it is not killed itself: it would lose what it has
//! acknowledged.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::kafka::seen;
use super::{Relay, Seen, assert_one_for_each, relaying};
use crate::harness::{Broker, Client, Fault, Process, TestDatabase, on_both, order};

const ORDERS: usize = 10_000;
const CLIENTS: usize = 48;

/// The time between two faults.
const PAUSE: Duration = Duration::from_millis(600);

/// A server with a relay inside.
fn serving(database: &TestDatabase, url: &str) -> Command {
    let mut command = Process::serving(database);
    command
        .env("ORDERS_PUBLISH_TIMEOUT", "3s")
        .args(["--events", url]);
    command
}

/// Places orders until all are, each with retries under its key.
async fn place_all(client: Arc<Mutex<Client>>, next: Arc<AtomicUsize>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= ORDERS {
            return;
        }
        let (key, body) = (format!("key-{number}"), order("tea", 2));
        loop {
            let client = client.lock().unwrap().clone();
            match client.try_place(&key, body.clone()).await {
                Some(reply) if reply.status == 201 || reply.status == 200 => break,
                Some(reply) => assert!(matches!(reply.status, 503 | 409), "{reply:?}"),
                None => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

on_both! {
    async fn one_event_for_each_of_ten_thousand_orders(database: &TestDatabase) {
        let broker = Broker::start_behind_proxy().await;
        broker.create_topic("orders", 3).await;
        let url = broker.url("orders");
        let start_relay = || {
            Relay::start(relaying(database, &url).env("ORDERS_PUBLISH_TIMEOUT", "3s"))
        };
        let mut server = Process::start(&mut serving(database, &url));
        let mut relay = start_relay();
        let client = Arc::new(Mutex::new(server.client.clone()));
        let next = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(place_all(Arc::clone(&client), Arc::clone(&next))))
            .collect();
        let (mut servers, mut relays, mut connections) = (0, 0, 0);
        while clients.iter().any(|client| !client.is_finished()) {
            tokio::time::sleep(PAUSE).await;
            match (servers + relays + connections) % 3 {
                0 => {
                    relay.kill();
                    relay = start_relay();
                    relays += 1;
                }
                1 => {
                    broker.proxy().inject(Fault::Down);
                    tokio::time::sleep(PAUSE / 2).await;
                    broker.proxy().heal();
                    connections += 1;
                }
                _ => {
                    server.kill();
                    server = Process::start(&mut serving(database, &url));
                    *client.lock().unwrap() = server.client.clone();
                    servers += 1;
                }
            }
        }
        for client in clients {
            client.await.unwrap();
        }
        assert!(servers > 0 && relays > 0 && connections > 0);
        let deadline = Instant::now() + Duration::from_mins(2);
        while database.backlog().await > 0 {
            assert!(Instant::now() < deadline, "{} left", database.backlog().await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        relay.stop();
        server.stop();
        assert_eq!(database.orders().await, i64::try_from(ORDERS).unwrap());
        let messages = broker.read("orders", ORDERS).await;
        eprintln!(
            "{ORDERS} orders, {} messages; killed: {servers} servers, {relays} relays, \
             {connections} times the connections to the broker",
            messages.len()
        );
        let seen: Vec<Seen> = messages.iter().map(seen).collect();
        assert_one_for_each(&seen, &database.order_ids().await);
    }
}
