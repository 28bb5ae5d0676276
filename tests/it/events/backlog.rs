//! A relay that is far behind.

use std::process::Stdio;

use super::{Relay, until_published};
use crate::harness::{Process, on_postgres};

const EVENTS: i64 = 20_000;

/// Index entries of the outbox that were read.
const READ: &str = "SELECT coalesce(sum(idx_tup_read), 0)::bigint FROM pg_stat_user_indexes \
                    WHERE relname = 'outbox'";

on_postgres! {
    async fn a_backlog_is_not_read_again_for_each_batch(database: &TestDatabase) {
        // The statistics are those of an empty table, as after a night without orders.
        database.execute("ANALYZE outbox").await;
        let before = database.count(READ).await;
        database.execute(&format!(
            "INSERT INTO outbox (subject, id, source, type, data) \
             SELECT id, id, '/test', 'orders.order.placed', '{{}}' FROM ( \
                 SELECT ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id \
                 FROM generate_series(1, {EVENTS}) AS n) AS ids"
        )).await;
        let mut command = Process::on(database, &["relay", "--events", "stdout:"]);
        let relay = Relay::start(command.stdout(Stdio::null()));
        until_published(database).await;
        relay.stop();
        // The end of a session writes down what it has read. Each event is found, found to be the
        // oldest of its subject, leased and deleted; entries of deleted ones are read as well.
        let read = database.until(READ, |read| read - before >= EVENTS).await - before;
        assert!(read < 25 * EVENTS, "{read} index entries were read for {EVENTS} events");
    }
}
