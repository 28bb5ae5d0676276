//! `--metrics-address` of `orders relay`.

use std::time::Duration;

use super::receiver::status;
use super::{Receiver, place, relaying_patiently, serving, until_published};
use crate::harness::{Client, Process, on_both};

/// Waits until the page of metrics has this line.
async fn until_line(client: &Client, line: &str) {
    for _ in 0..1_200 {
        let page = client.get("/metrics").await.expect(200).text();
        if page.lines().any(|one| one == line) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{line} is not on the page");
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
        relay.stop();
        server.stop();
    }
}
