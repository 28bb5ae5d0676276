//! `--metrics-address` of `orders relay`.

use std::time::Duration;

use super::receiver::status;
use super::{Receiver, place, relaying_patiently, serving, until_published};
use crate::harness::{Client, Process, on_both};

/// Waits until the page of metrics has such a line.
async fn until(client: &Client, what: &str, is_there: impl Fn(&str) -> bool) {
    for _ in 0..1_200 {
        let page = client.get("/metrics").await.expect(200).text();
        if page.lines().any(&is_there) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} is not on the page");
}

/// Waits until the page of metrics has this line.
async fn until_line(client: &Client, line: &str) {
    until(client, line, |one| one == line).await;
}

/// Waits until a metric is more than zero.
async fn until_positive(client: &Client, name: &str) {
    until(client, name, |line| {
        let value = line
            .strip_prefix(name)
            .and_then(|rest| rest.trim().parse().ok());
        value.is_some_and(|value: f64| value > 0.0)
    })
    .await;
}

on_both! {
    async fn a_relay_serves_its_metrics_and_probes(database: &TestDatabase) {
        let receiver = Receiver::start().await;
        let server = serving(database);
        place(&server, 0..20).await;
        let mut command = relaying_patiently(database, &receiver.url());
        let relay = Process::start(command.args(["--metrics-address", "127.0.0.1:0"]));
        until_published(database).await;
        until_line(&relay.client, "orders_events_published_total{sink=\"webhook\"} 20").await;
        until_line(&relay.client, "orders_outbox_backlog_events 0").await;
        relay.client.get("/livez").await.expect(200);
        relay.client.get("/health").await.expect(200);
        // The backlog is known although nothing can be published.
        receiver.answer(|_| status(503));
        place(&server, 20..50).await;
        until_line(&relay.client, "orders_outbox_backlog_events 30").await;
        until_positive(&relay.client, "orders_outbox_lag_seconds").await;
        until_positive(&relay.client, "orders_events_failed_total{sink=\"webhook\"}").await;
        relay.stop();
        server.stop();
    }
}
