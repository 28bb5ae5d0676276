//! Rebalances, on librdkafka's mock cluster.

use std::process::Stdio;
use std::time::Duration;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::broker_errors::{Cluster, cluster_of, produce, start_with, url};
use super::{consuming, metric, until_metric};
use crate::harness::{Client, Process, on_both, on_sqlite, order};

const PARTITIONS: &str = "orders_consumer_partitions";
const UNSETTLED: &str = "orders_consumer_unsettled_seconds";
const ORDERS: &str = "SELECT count(*) FROM orders";

/// The cluster waits for nearly a session until it elects a leader.
const SHORT_SESSION: &str = "session.timeout.ms=3000&heartbeat.interval.ms=300";

/// Places so many orders, on all partitions.
async fn place(cluster: &Cluster, count: i64) {
    for number in 0..count {
        produce(cluster, &order("tea", number + 1)).await;
    }
}

/// Waits until a member has so many partitions.
async fn until_partitions(client: &Client, count: u64) {
    until_metric(client, PARTITIONS, count).await;
    for _ in 0..600 {
        if metric(client, PARTITIONS).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!(
        "{} partitions, not {count}",
        metric(client, PARTITIONS).await
    );
}

on_both! {
    async fn a_leader_that_leaves_during_a_rebalance_is_replaced(database: &TestDatabase) {
        let cluster = cluster_of(2);
        let start = || start_with(database, &cluster, SHORT_SESSION);
        let members = [start(), start()];
        for member in &members {
            until_partitions(&member.client, 1).await;
        }
        place(&cluster, 20).await;
        database.until(ORDERS, |count| count == 20).await;
        // The group rebalances for the third member while both others leave it. One is the leader.
        let third = start();
        tokio::time::sleep(Duration::from_millis(100)).await;
        members.into_iter().for_each(Process::stop);
        place(&cluster, 20).await;
        database.until(ORDERS, |count| count == 40).await;
        until_partitions(&third.client, 2).await;
        third.stop();
    }
}

on_sqlite! {
    async fn a_group_that_does_not_settle_is_reported(database: &TestDatabase) {
        let cluster = cluster_of(1);
        let loading = RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS;
        cluster.request_errors(RDKafkaApiKey::JoinGroup, &[loading; 1_000]);
        let mut command = consuming(database, &url(&cluster, ""));
        command.env("ORDERS_LOG", "orders=info").stderr(Stdio::piped());
        let member = Process::start(&mut command);
        place(&cluster, 1).await;
        tokio::time::sleep(Duration::from_secs(45)).await;
        assert_eq!(database.orders().await, 0);
        assert!(metric(&member.client, UNSETTLED).await >= 30);
        cluster.clear_request_errors(RDKafkaApiKey::JoinGroup);
        database.until(ORDERS, |count| count == 1).await;
        until_partitions(&member.client, 1).await;
        // The next statistics are due within five seconds.
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(metric(&member.client, UNSETTLED).await, 0);
        member.signal("TERM");
        let (code, log) = member.log();
        assert_eq!(code, Some(0));
        let unsettled = "WARN orders::consumer::standing: the consumer group does not settle";
        assert_eq!(log.matches(unsettled).count(), 1, "{log}");
        assert_eq!(log.matches("the consumer group has settled").count(), 1, "{log}");
    }
}
