//! The sweeper of `orders serve`: one instance at a time.

use std::time::Duration;

use crate::harness::{Process, on_both, order};

const FLAGS: [&str; 4] = ["--sweep-interval", "1s", "--key-retention", "24h"];

on_both! {
    async fn one_instance_sweeps_and_another_takes_over(database: &TestDatabase) {
        let first = Process::serve_with(database, &FLAGS);
        first.client.place("first", order("tea", 1)).await.expect(201);
        database.age_keys(25).await;
        let tombstones = "SELECT count(*) FROM idempotency_keys WHERE length(fingerprint) = 0";
        database.until(tombstones, |count| count == 1).await;

        let second = Process::serve_with(database, &FLAGS);
        let holders = "SELECT count(DISTINCT holder) FROM leases";
        assert_eq!(database.count(holders).await, 1);
        first.kill();
        second.client.place("second", order("tea", 1)).await.expect(201);
        database.age_keys(25).await;
        database.until(tombstones, |count| count == 2).await;
        second.stop();
    }
}

on_both! {
    async fn an_instance_leaves_the_sweep_to_the_holder_of_the_lease(database: &TestDatabase) {
        let (holder, time) = match database.backend {
            crate::harness::Backend::Sqlite => ("x'00'", "datetime('now', '+5 seconds')"),
            crate::harness::Backend::Postgres => (
                "'00000000-0000-0000-0000-000000000000'",
                "now() + interval '5 seconds'",
            ),
        };
        let server = Process::serve_with(database, &["--sweep-interval", "0s"]);
        server.client.place("key", order("tea", 1)).await.expect(201);
        database.age_keys(25).await;
        let hold = format!("INSERT INTO leases VALUES ('sweep', {holder}, {time})");
        database.execute(&hold).await;
        let other = Process::serve_with(database, &FLAGS);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(database.keys().await, (1, 0));
        // The holder is gone, and its lease ends.
        let tombstones = "SELECT count(*) FROM idempotency_keys WHERE length(fingerprint) = 0";
        database.until(tombstones, |count| count == 1).await;
        server.stop();
        other.stop();
    }
}
