//! Metrics: each is described, and moves when what it counts happens.

#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::collections::HashMap;
use std::time::Duration;

use orders::telemetry::{Kind, TABLE};
use serde_json::json;

use super::{LIMITS, reject_poison};
use crate::examples::{Post, serve};
use crate::harness::{
    Backend, Client, Fault, Process, Proxy, TestDatabase, on_both, on_postgres, order,
};

/// The values of a page, by name and labels.
pub(crate) struct Page {
    values: HashMap<String, f64>,
    text: String,
}

impl Page {
    pub(crate) async fn of(client: &Client) -> Self {
        let reply = client.get("/metrics").await.expect(200);
        let media_type = reply.header("content-type").unwrap();
        assert!(
            media_type.starts_with("text/plain; version=0.0.4"),
            "{media_type}"
        );
        let text = reply.text();
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        };
        let values = samples.map(sample).collect();
        Self { values, text }
    }

    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> f64 {
        let value = self.values.get(name).copied();
        value.unwrap_or_else(|| panic!("{name} is missing in {}", self.text))
    }

    pub(crate) fn outcome(&self, outcome: &str) -> f64 {
        self.get(&format!("orders_requests_total{{outcome=\"{outcome}\"}}"))
    }

    fn failures(&self, reason: &str) -> f64 {
        self.get(&format!(
            "orders_transaction_failures_total{{reason=\"{reason}\"}}"
        ))
    }
}

/// Waits for a page on which a value is as expected.
async fn until(client: &Client, expected: impl Fn(&Page) -> bool) -> Page {
    for _ in 0..100 {
        let page = Page::of(client).await;
        if expected(&page) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not as expected: {}", Page::of(client).await.text);
}

on_both! {
    async fn outcomes_are_counted(database: &TestDatabase) {
        reject_poison(database).await;
        let process = Process::serve_with(database, &LIMITS);
        let client = &process.client;
        tokio::time::sleep(Duration::from_millis(500)).await;
        client.place("key", order("tea", 2)).await.expect(201);
        for _ in 0..3 {
            client.place("key", order("tea", 2)).await.expect(200);
        }
        client.place("key", order("tea", 3)).await.expect(409);
        client.place("other", order("tea", 0)).await.expect(400);
        client.place("", order("tea", 1)).await.expect(400);
        client.place("poison", order("poison", 1)).await.expect(500);
        client.get("/orders").await.expect(200);
        client.get("/nowhere").await.expect(404);

        let page = Page::of(client).await;
        for (outcome, count) in [
            ("created", 1.0),
            ("replayed_from_database", 1.0),
            ("replayed_from_memory", 2.0),
            ("replayed_from_redis", 0.0),
            ("reused", 1.0),
            ("invalid", 2.0),
            ("failed", 1.0),
            ("unavailable", 0.0),
            ("in_use", 0.0),
            ("refused", 0.0),
            ("expired", 0.0),
        ] {
            assert_eq!(page.outcome(outcome), count, "{outcome}: {}", page.text);
        }
        for (labels, count) in [
            ("operation=\"place_order\",status=\"2xx\"", 4.0),
            ("operation=\"place_order\",status=\"4xx\"", 3.0),
            ("operation=\"place_order\",status=\"5xx\"", 1.0),
            ("operation=\"list_orders\",status=\"2xx\"", 1.0),
            ("operation=\"other\",status=\"4xx\"", 1.0),
        ] {
            let name = format!("orders_http_responses_total{{{labels}}}");
            assert_eq!(page.get(&name), count, "{labels}");
        }
        let placed = "{operation=\"place_order\"}";
        assert_eq!(page.get(&format!("orders_http_request_duration_seconds_count{placed}")), 8.0);
        assert!(page.get(&format!("orders_http_request_duration_seconds_sum{placed}")) > 0.0);
        let all = "{operation=\"place_order\",le=\"10\"}";
        assert_eq!(page.get(&format!("orders_http_request_duration_seconds_bucket{all}")), 8.0);
        assert_eq!(page.get("orders_batch_size_count"), 3.0);
        assert_eq!(page.get("orders_batch_size_bucket{le=\"1\"}"), 3.0);
        assert!(page.get("orders_transaction_duration_seconds_count") >= 3.0);
        assert_eq!(page.failures("rejected"), 1.0);
        assert_eq!(page.get("orders_queued_requests"), 0.0);
        assert_eq!(page.get("orders_database_up"), 1.0);
        assert_eq!(page.get("orders_database_outages_total"), 0.0);
        let lanes = if database.backend == Backend::Sqlite { 1.0 } else { 3.0 };
        assert_eq!(page.get("orders_lanes"), lanes);
        assert!(page.get("orders_read_connections{state=\"open\"}") >= 1.0);
        assert!(page.get("orders_read_connections{state=\"idle\"}") >= 1.0);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(page.get(&format!("orders_build_info{{version=\"{version}\"}}")), 1.0);

        // The lag is there once a consumer has a partition.
        for row in TABLE.iter().filter(|row| row.name != "orders_consumer_lag_records") {
            let kind = match row.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            assert!(page.text.contains(&format!("# HELP {} {}\n", row.name, row.help)), "{row:?}");
            assert!(page.text.contains(&format!("# TYPE {} {kind}\n", row.name)), "{row:?}");
        }
        drop(process);
    }
}

on_both! {
    async fn a_locked_database_fills_the_queue(database: &TestDatabase) {
        let flags = ["--lanes=1", "--batch-max=1"];
        let process = Process::serve_with(database, &[&LIMITS[..], &flags].concat());
        let client = &process.client;
        let held = database.hold("held").await;
        let first = client.spawn_place("held", order("tea", 2));
        let second = client.spawn_place("held", order("tea", 2));
        until(client, |page| page.get("orders_queued_requests") == 1.0).await;
        let statuses = [first.await.unwrap().status, second.await.unwrap().status];
        held.roll_back().await;
        let (outcome, reason) = match database.backend {
            Backend::Postgres => ("in_use", "locked"),
            Backend::Sqlite => ("unavailable", "conflict"),
        };
        let page = until(client, |page| page.get("orders_queued_requests") == 0.0).await;
        assert!(page.outcome(outcome) >= 1.0, "{statuses:?}: {}", page.text);
        assert!(page.failures(reason) >= 1.0, "{}", page.text);
        drop(process);
    }
}

on_postgres! {
    async fn an_outage_is_counted(database: &TestDatabase) {
        let proxy = Proxy::start(database).await;
        let mut command = Process::serving(database);
        command.env("DATABASE_URL", proxy.url(database)).args(LIMITS);
        let process = Process::start(&mut command);
        let client = &process.client;
        until(client, |page| page.get("orders_database_up") == 1.0).await;
        proxy.inject(Fault::Down);
        until(client, |page| page.get("orders_database_up") == 0.0).await;
        client.place("key", order("tea", 2)).await.expect(503);
        proxy.heal();
        let page = until(client, |page| page.get("orders_database_up") == 1.0).await;
        assert_eq!(page.get("orders_database_outages_total"), 1.0);
        assert_eq!(page.outcome("unavailable"), 1.0);
        assert!(page.failures("unavailable") >= 1.0);
    }
}

on_both! {
    async fn an_exchanged_database_is_counted(database: &TestDatabase) {
        let process = Process::serve_with(database, &LIMITS);
        let client = &process.client;
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(Page::of(client).await.get("orders_database_exchanges_total"), 0.0);
        database.connect().await.schema().fresh().await.unwrap();
        until(client, |page| page.get("orders_database_exchanges_total") >= 1.0).await;
        drop(process);
    }
}

on_both! {
    async fn sweeps_and_expired_keys_are_counted(database: &TestDatabase) {
        let without_cache = ["--replay-cache=0", "--sweep-interval=1h"];
        let process = Process::serve_with(database, &without_cache);
        let client = &process.client;
        let swept = |page: &Page, kind: &str| {
            page.get(&format!("orders_swept_rows_total{{kind=\"{kind}\"}}"))
        };
        let sweeps = |page: &Page, trigger: &str, part: &str| {
            let label = format!("{{trigger=\"{trigger}\"}}");
            page.get(&format!("orders_sweep_duration_seconds_{part}{label}"))
        };
        // The sweeper begins with the server.
        let page = until(client, |page| sweeps(page, "interval", "count") == 1.0).await;
        let started = page.get("orders_sweep_finished_timestamp_seconds");
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!((now - 60.0..now).contains(&started), "{started}");
        assert_eq!((swept(&page, "answers"), swept(&page, "tombstones")), (0.0, 0.0));

        for (hours, answers, tombstones) in [(25, 1.0, 0.0), (24 * 30, 1.0, 1.0)] {
            let status = if answers > tombstones { 201 } else { 409 };
            client.place("key", order("tea", 2)).await.expect(status);
            database.age_keys(hours).await;
            client.post_to("/admin/cleanup").await.expect(200);
            let page = Page::of(client).await;
            assert_eq!(swept(&page, "answers"), answers);
            assert_eq!(swept(&page, "tombstones"), tombstones);
        }
        let page = Page::of(client).await;
        assert_eq!(page.outcome("expired"), 1.0);
        assert_eq!(sweeps(&page, "demand", "count"), 2.0);
        assert!(sweeps(&page, "demand", "sum") > 0.0);
        assert!(page.get("orders_sweep_finished_timestamp_seconds") > started);
        assert_eq!(page.get("orders_sweep_failures_total"), 0.0);

        database.execute("ALTER TABLE idempotency_keys RENAME TO away").await;
        client.post_to("/admin/cleanup").await.expect(500);
        assert_eq!(Page::of(client).await.get("orders_sweep_failures_total"), 1.0);
        database.execute("ALTER TABLE away RENAME TO idempotency_keys").await;
        database.delete_orders_without_key().await;
        drop(process);
    }
}

on_both! {
    /// Only an operation that says no moves this outcome. Services with operations of their own have
    /// the same page.
    async fn a_refusal_is_counted(backend: Backend) {
        let database = TestDatabase::create(backend).await;
        let stock = serve("stock", &database);
        let ask = Post::new("/reservations", "key", &json!({ "quantity": 1000 }));
        for count in 1..=2 {
            ask.to(&stock.client).await.expect(422);
            let page = Page::of(&stock.client).await;
            assert_eq!(page.outcome("refused"), f64::from(count));
        }
        stock.stop();
        database.drop().await;
    }
}

#[test]
fn the_documentation_has_the_table_of_metrics() {
    let page = include_str!("../../../docs/observability.md");
    for row in TABLE {
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}", row.name)));
        let line = line.unwrap_or_else(|| panic!("{} is not documented", row.name));
        assert!(line.contains(row.help), "{line} does not say: {}", row.help);
    }
    let names = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `orders_")?.split('`').next());
    for name in names {
        let name = format!("orders_{}", name.split('{').next().unwrap());
        assert!(
            TABLE.iter().any(|row| row.name == name),
            "there is no {name}"
        );
    }
}
