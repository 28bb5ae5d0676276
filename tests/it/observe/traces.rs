//! Traces: exported by OTLP, as part of the trace of the client, and never in the way of a request.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::{lines, logged, reject_poison};
use crate::harness::{
    Client, Collector, Process, Reply, TestDatabase, attribute, on_both, on_sqlite, order,
};

const KEY: &str = "the-secret-key";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// `orders serve` that exports to a collector.
fn exporting(database: &TestDatabase, url: &str) -> std::process::Command {
    let mut command = without_otel(database);
    command.args(["--otlp-endpoint", url]);
    command
}

/// `orders serve` without a variable of OpenTelemetry.
fn without_otel(database: &TestDatabase) -> std::process::Command {
    let mut command = logged(database, &[]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
        command.env_remove(name);
    }
    command
}

/// Places an order within the trace of the test.
async fn place(client: &Client, key: &str, item: &str, flags: &str) -> Reply {
    let request = client.post(order(item, 2)).header("idempotency-key", key);
    let parent = format!("00-{TRACE}-{PARENT}-{flags}");
    let request = request.header("authorization", "Bearer the-secret-token");
    Reply::to(request.header("traceparent", parent)).await
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

on_both! {
    async fn the_span_of_an_order_is_part_of_the_trace_of_its_client(database: &TestDatabase) {
        reject_poison(database).await;
        let collector = Collector::start().await;
        let mut command = without_otel(database);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
            .env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=the-secret-header")
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
        let process = Process::start(&mut command);
        let client = &process.client;
        let created = place(client, KEY, "tea", "01").await.expect(201);
        let replay = place(client, KEY, "tea", "01").await.expect(200);
        place(client, "poison", "poison", "01").await.expect(500);
        client.get(&format!("/idempotency-keys/{KEY}")).await.expect(200);
        client.get("/health").await.expect(200);
        // Whose client does not sample.
        place(client, "other", "tea", "00").await.expect(201);
        process.signal("TERM");
        let (code, log) = process.log();
        assert_eq!(code, Some(0));

        let spans = collector.spans();
        let places = named(&spans, "POST /orders");
        assert_eq!(places.len(), 3, "{spans:?}");
        for (span, (reply, outcome)) in places.iter().zip([(&created, "created"), (&replay, "replayed_from_database")]) {
            assert_eq!(hex(&span.trace_id), TRACE);
            assert_eq!(hex(&span.parent_span_id), PARENT);
            assert_eq!(reply.header("traceparent").unwrap()[36..52], hex(&span.span_id));
            assert_eq!(span.kind(), SpanKind::Server);
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
            let is = |name: &str, value: &str| {
                assert_eq!(attribute(span, name).as_deref(), Some(value), "{span:?}");
            };
            is("http.request.method", "POST");
            is("http.route", "/orders");
            is("http.response.status_code", &reply.status.to_string());
            is("orders.request_id", reply.header("x-request-id").unwrap());
            is("orders.outcome", outcome);
            is("orders.order", &created.id());
            is("orders.batch", "1");
            for name in ["wait in queue", "commit batch"] {
                let parts = named(&spans, name);
                let part = parts.iter().find(|part| part.parent_span_id == span.span_id).unwrap();
                assert_eq!(part.trace_id, span.trace_id);
                assert!(part.start_time_unix_nano >= span.start_time_unix_nano);
                assert!(part.end_time_unix_nano <= span.end_time_unix_nano);
            }
        }
        assert_eq!(attribute(places[1], "orders.original_request_id").as_deref(), created.header("x-request-id"));
        let failed = places[2];
        assert_eq!(failed.status.as_ref().unwrap().code(), StatusCode::Error);
        assert_eq!(attribute(failed, "error.type").as_deref(), Some("INTERNAL"));

        // A trace that begins here, and none for a probe.
        let looked_up = named(&spans, "GET /idempotency-keys/{key}");
        assert_eq!(looked_up.len(), 1);
        assert_eq!(looked_up[0].parent_span_id, [0; 0]);
        assert!(named(&spans, "GET /health").is_empty());

        let resource = collector.resource();
        for (name, value) in [("service.name", "orders"), ("deployment.environment.name", "test")] {
            assert!(resource.contains(&(name.to_owned(), value.to_owned())), "{resource:?}");
        }
        assert!(collector.headers().iter().all(|value| value == "the-secret-header"));
        for secret in [KEY, "tea", "the-secret-token", "Bearer"] {
            assert!(!collector.has_seen(secret), "{secret} was exported");
        }
        assert!(!log.contains("the-secret-header"), "{log}");
    }
}

on_sqlite! {
    async fn a_collector_that_is_away_or_hangs_is_in_nobodys_way(database: &TestDatabase) {
        let collector = Collector::start().await;
        let address = collector.url.strip_prefix("http://").unwrap().to_owned();
        let process = Process::start(&mut exporting(database, &collector.url));
        let client = &process.client;
        place(client, "first", "tea", "01").await.expect(201);
        collector.until_spans(3).await;
        drop(collector);

        let fate = async |result: &str| {
            let page = client.get("/metrics").await.text();
            let name = format!("orders_spans_total{{result=\"{result}\"}} ");
            let line = page.lines().find_map(|line| line.strip_prefix(&name));
            line.unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(fate("exported").await, 3);
        for n in 0..2 {
            place(client, &format!("away-{n}"), "tea", "01").await.expect(201);
            while fate("failed").await < 3 * (n + 1) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }

        // One that takes connections and says nothing: requests go on.
        let silent = std::net::TcpListener::bind(&address).unwrap();
        place(client, "silent", "tea", "01").await.expect(201);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let started = Instant::now();
        for _ in 0..20 {
            place(client, "silent", "tea", "01").await.expect(200);
        }
        assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
        drop(silent);

        let collector = Collector::start_on(&address).await;
        collector.until_spans(20).await;
        process.signal("TERM");
        let (code, text) = process.log();
        assert_eq!(code, Some(0));
        let log = lines(&text);
        let count = |words: &str| {
            let found = log.iter().filter(|line| line["message"].as_str().unwrap().contains(words));
            found.count()
        };
        assert_eq!(count("cannot export traces"), 1, "{text}");
        assert_eq!(count("traces are exported again"), 1, "{text}");
        assert!(text.contains("refused") || text.contains("timed out"), "the cause is named: {text}");
    }
}

on_sqlite! {
    async fn the_end_does_not_wait_long_for_a_collector(database: &TestDatabase) {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let process = Process::start(&mut exporting(database, &url));
        place(&process.client, "key", "tea", "01").await.expect(201);
        let started = Instant::now();
        process.signal("TERM");
        let (code, log) = process.log();
        assert_eq!(code, Some(0));
        assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
        assert!(log.contains("the last spans were not exported"), "{log}");
    }
}

on_sqlite! {
    async fn an_endpoint_that_is_unusable_is_named_and_an_empty_one_is_none(database: &TestDatabase) {
        for flags in [
            ["--otlp-endpoint=localhost:4318", "--otlp-ratio=1"],
            ["--otlp-endpoint=http://me:s3cret@localhost:4318", "--otlp-ratio=1"],
            ["--otlp-endpoint=http://localhost:4318", "--otlp-ratio=2"],
        ] {
            let mut command = Process::serving(database);
            let output = Process::output(command.args(flags));
            assert_eq!(output.status.code(), Some(2));
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains("OTLP") || error.contains("0 to 1"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
        let process = Process::start(Process::serving(database).env("OTEL_EXPORTER_OTLP_ENDPOINT", ""));
        let reply = process.client.place("key", order("tea", 2)).await.expect(201);
        assert!(reply.header("traceparent").unwrap().ends_with("-00"), "not sampled");
        process.stop();
    }
}
