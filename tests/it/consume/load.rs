//! The same commands produced three times, while consumers are killed and the group rebalances.

use std::time::{Duration, Instant};

use super::{GROUP, TOPIC, broker, command, consuming};
use crate::harness::{Broker, Process, Record, TestDatabase, on_both};

const PARTITIONS: i32 = 6;
const MEMBERS: usize = 3;

/// How many commands. `CONSUME_COMMANDS` sets it: `scripts/chaos` asks for 10 000.
fn count() -> i64 {
    let count = std::env::var("CONSUME_COMMANDS");
    count.map_or(2_000, |count| {
        count.parse().expect("CONSUME_COMMANDS is a number")
    })
}

/// Polls so small that all commands need many of them.
fn start(database: &TestDatabase, broker: &Broker) -> Process {
    let mut consumer = consuming(database, &broker.group_url(TOPIC));
    Process::start(consumer.args(["--poll-max", "25"]))
}

on_both! {
    async fn commands_produced_three_times_under_kills_are_one_order_each(database: &TestDatabase) {
        let count = count();
        let broker = broker(PARTITIONS).await;
        // Each time on another partition, so that different members have the same command.
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..3 {
            let mut commands: Vec<Record> = (0..count)
                .map(|number| {
                    let record = command(&format!("key-{number}"), "tea", number % 9 + 1);
                    record.partition(random.i32(0..PARTITIONS))
                })
                .collect();
            random.shuffle(&mut commands);
            broker.produce(TOPIC, &commands).await;
        }

        let mut members: Vec<Process> = (0..MEMBERS).map(|_| start(database, &broker)).collect();
        let (mut kills, mut stops) = (0, 0);
        let deadline = Instant::now() + Duration::from_mins(10);
        let mut progress = 0;
        while database.orders().await < count {
            assert!(Instant::now() < deadline, "{} of {count}", database.orders().await);
            // Another member at every sixth of the way.
            let orders = database.orders().await;
            if orders * 6 / count > progress {
                progress = orders * 6 / count;
                let member = members.swap_remove(random.usize(..members.len()));
                // With this seed the first member is stopped, while the group is settled, and the
                // others are killed. Another order may stop the leader while the group rebalances:
                // Tansu 0.6.0 never replaces such a leader, and no client gets partitions any more.
                // `rebalance` has that case on the mock cluster.
                if random.u8(..3) == 0 {
                    eprintln!("{orders} orders: a member is stopped");
                    member.stop();
                    stops += 1;
                } else {
                    eprintln!("{orders} orders: a member is killed");
                    member.kill();
                    kills += 1;
                }
                members.push(start(database, &broker));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // A fast machine skips some sixths.
        assert!(kills >= 1, "{kills} kills, {stops} stops");
        broker.until_committed(GROUP, TOPIC, 3 * count).await;
        assert_eq!(database.orders().await, count);
        eprintln!("{count} orders, {kills} members killed, {stops} stopped");
        for member in members {
            member.stop();
        }
    }
}
