//! Members of one group: shared partitions, takeover, and a stop that repeats nothing.

use super::{GROUP, TOPIC, broker, command, consuming, metric, outcome, start, until_metric};
use crate::harness::{Process, Record, on_both};

const PARTITIONS: &str = "orders_consumer_partitions";
const ORDERS: &str = "SELECT count(*) FROM orders";

/// Commands on four partitions.
fn commands(range: std::ops::Range<i32>) -> Vec<Record> {
    let one = |number| command(&format!("key-{number}"), "tea", 1).partition(number % 4);
    range.map(one).collect()
}

on_both! {
    async fn two_members_share_the_partitions_and_one_takes_over(database: &TestDatabase) {
        let broker = broker(4).await;
        let (one, other) = (start(database, &broker), start(database, &broker));
        until_metric(&one.client, PARTITIONS, 1).await;
        until_metric(&other.client, PARTITIONS, 1).await;
        for _ in 0..1_200 {
            let (here, there) = (metric(&one.client, PARTITIONS).await, metric(&other.client, PARTITIONS).await);
            if here + there == 4 && here > 0 && there > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        broker.produce(TOPIC, &commands(0..400)).await;
        broker.until_committed(GROUP, TOPIC, 400).await;
        assert_eq!(database.orders().await, 400);
        for member in [&one, &other] {
            assert!(outcome(&member.client, "created").await > 0, "it has partitions");
        }

        one.kill();
        broker.produce(TOPIC, &commands(400..500)).await;
        broker.until_committed(GROUP, TOPIC, 500).await;
        assert_eq!(database.orders().await, 500);
        until_metric(&other.client, PARTITIONS, 4).await;
        let lag = "orders_consumer_lag_records{partition=\"3\"}";
        // The lag is on the page once librdkafka has told it.
        for _ in 0..1_200 {
            if other.client.get("/metrics").await.expect(200).text().contains(lag) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        until_metric(&other.client, lag, 0).await;
        other.stop();
    }
}

on_both! {
    async fn a_graceful_stop_loses_and_repeats_nothing(database: &TestDatabase) {
        let broker = broker(4).await;
        broker.produce(TOPIC, &commands(0..1_000)).await;
        let small_polls = || {
            let mut consumer = consuming(database, &broker.group_url(TOPIC));
            Process::start(consumer.args(["--poll-max", "10"]))
        };
        for signal in ["TERM", "INT", "TERM"] {
            let before = database.orders().await;
            let consumer = small_polls();
            database.until(ORDERS, |count| count >= before + 50).await;
            consumer.signal(signal);
            assert_eq!(consumer.wait(), Some(0));
            let committed: i64 = broker.committed(GROUP, TOPIC).await.values().sum();
            assert_eq!(committed, database.orders().await);
        }
        let before = u64::try_from(database.orders().await).unwrap();
        let consumer = small_polls();
        broker.until_committed(GROUP, TOPIC, 1_000).await;
        assert_eq!(database.orders().await, 1_000);
        assert_eq!(outcome(&consumer.client, "created").await, 1_000 - before);
        assert_eq!(outcome(&consumer.client, "replayed_from_database").await, 0);
        consumer.stop();
    }
}
