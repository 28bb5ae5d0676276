//! Logs: one line for each request on demand, every failure once, and no secret.

use std::time::Duration;

use serde_json::Value;

use super::{lines, logged, reject_poison};
use crate::cli::within;
use crate::harness::{Fault, Process, Proxy, Reply, on_both, on_postgres, order};

const KEY: &str = "the-secret-key";
const ITEM: &str = "the secret item";

fn of_target(log: &[Value], target: &str) -> Vec<Value> {
    let matches = |line: &&Value| line["target"] == target;
    log.iter().filter(matches).cloned().collect()
}

fn with_message<'a>(log: &'a [Value], message: &str) -> Vec<&'a Value> {
    log.iter()
        .filter(|line| line["message"] == message)
        .collect()
}

on_both! {
    async fn the_access_log_has_a_line_for_each_request_and_no_secret(database: &TestDatabase) {
        let process = Process::start(&mut logged(database, &["--access-log"]));
        let client = &process.client;
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let request = |id: &'static str, quantity| {
            client
                .post(order(ITEM, quantity))
                .header("idempotency-key", KEY)
                .header("authorization", "Bearer the-secret-token")
                .header("x-request-id", id)
                .header("traceparent", trace)
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
        let created = Reply::to(request("created", 2)).await.expect(201);
        Reply::to(request("database", 2)).await.expect(200);
        Reply::to(request("memory", 2)).await.expect(200);
        Reply::to(request("reused", 3)).await.expect(409);
        Reply::to(request("invalid", 0)).await.expect(400);
        let location = created.header("location").unwrap().to_owned();
        client.get(&location).await.expect(200);
        client.get("/nowhere").await.expect(404);
        client.get(&format!("/idempotency-keys/{KEY}")).await.expect(200);

        let parent = created.header("traceparent").unwrap();
        assert_eq!(parent[..36], trace[..36], "the trace is continued");
        assert_ne!(parent[36..52], trace[36..52], "in a span of its own");
        assert_eq!(parent[52..], trace[52..]);

        process.signal("TERM");
        let (code, text) = process.log();
        assert_eq!(code, Some(0));
        for secret in [KEY, ITEM, "the-secret-token", "Bearer"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let access = of_target(&lines(&text), "orders::access");
        assert_eq!(access.len(), 8, "{text}");
        let digest = access[0]["key_digest"].as_str().unwrap();
        assert_eq!(digest.len(), 32);
        for (line, (id, status, outcome)) in access.iter().zip([
            ("created", 201, "created"),
            ("database", 200, "replayed_from_database"),
            ("memory", 200, "replayed_from_memory"),
            ("reused", 409, "reused"),
            ("invalid", 400, "invalid"),
        ]) {
            assert_eq!(line["level"], "INFO");
            assert_eq!(line["request_id"], id);
            assert_eq!(line["trace_id"], trace[3..35]);
            assert_eq!(line["method"], "POST");
            assert_eq!(line["path"], "/orders");
            assert_eq!(line["operation"], "place_order");
            assert_eq!(line["status"], status);
            assert_eq!(line["outcome"], outcome);
            let original = (status == 200).then_some("created");
            assert_eq!(line.get("original_request_id").and_then(Value::as_str), original);
            assert!(line["duration_us"].is_u64(), "{line}");
            assert!(line.get("tenant").is_none(), "{line}");
        }
        for line in &access[..4] {
            assert_eq!(line["key_digest"], digest);
        }
        assert!(access[4].get("key_digest").is_none());
        for line in &access[..3] {
            assert_eq!(line["order"], created.id());
        }
        let batches: Vec<Option<u64>> = access.iter().map(|line| line["batch"].as_u64()).collect();
        assert_eq!(batches, [Some(1), Some(1), None, None, None, None, None, None]);
        assert_eq!(access[5]["operation"], "find_order");
        assert_eq!(access[5]["order"], created.id());
        assert_eq!(access[6]["status"], 404);
        assert_eq!(access[7]["path"], "/idempotency-keys/{key}");
    }
}

on_both! {
    async fn without_the_flag_requests_are_not_logged(database: &TestDatabase) {
        let process = Process::start(&mut logged(database, &[]));
        process.client.place(KEY, order(ITEM, 2)).await.expect(201);
        let reply = process.client.place("", order(ITEM, 2)).await.expect(400);
        let parent = reply.header("traceparent").unwrap();
        assert_eq!((parent.len(), &parent[..3], &parent[52..]), (55, "00-", "-00"));
        process.signal("TERM");
        let (_, text) = process.log();
        assert!(of_target(&lines(&text), "orders::access").is_empty(), "{text}");
    }
}

on_both! {
    async fn an_internal_error_is_logged_once_with_its_request_and_cause(database: &TestDatabase) {
        reject_poison(database).await;
        let process = Process::start(&mut logged(database, &[]));
        let request = process.client.post(order("poison", 2)).header("idempotency-key", KEY);
        Reply::to(request.header("x-request-id", "the-id")).await.expect(500);
        process.signal("TERM");
        let (_, text) = process.log();
        let log = lines(&text);
        let failed = with_message(&log, "request failed");
        assert_eq!(failed.len(), 1, "{text}");
        assert_eq!(failed[0]["level"], "ERROR");
        assert_eq!(failed[0]["request_id"], "the-id");
        assert_eq!(failed[0]["problem"], "INTERNAL");
        let cause = failed[0]["cause"].as_str().unwrap();
        assert!(cause.contains("poison") && !cause.contains("at line"), "{cause}");
        assert_eq!(text.matches("violates").count(), 1, "the cause is logged once: {text}");
        assert!(!text.contains(KEY), "{text}");
    }
}

on_postgres! {
    async fn an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(database: &TestDatabase) {
        let proxy = Proxy::start(database).await;
        let mut command = logged(database, &[]);
        let process = Process::start(command.env("DATABASE_URL", proxy.url(database)));
        process.client.place("before", order("tea", 2)).await.expect(201);
        proxy.inject(Fault::Down);
        for (id, key) in [("first", "during"), ("second", "during-2")] {
            let request = process.client.post(order("tea", 2)).header("idempotency-key", key);
            Reply::to(request.header("x-request-id", id)).await.expect(503);
        }
        process.client.get("/orders").await.expect(503);
        proxy.heal();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        process.client.place("after", order("tea", 2)).await.expect(201);
        process.signal("TERM");
        let (_, text) = process.log();
        let log = lines(&text);
        assert_eq!(with_message(&log, "database unavailable").len(), 1, "{text}");
        let again = with_message(&log, "database available again");
        assert_eq!(again.len(), 1, "{text}");
        assert!(again[0]["outage_ms"].as_u64().unwrap() >= 1500, "{text}");
        let failed = with_message(&log, "request failed");
        assert_eq!(failed.len(), 3, "{text}");
        for (line, id) in failed.iter().zip(["first", "second"]) {
            assert_eq!(line["level"], "WARN");
            assert_eq!(line["request_id"], id);
            assert_eq!(line["problem"], "UNAVAILABLE");
            assert!(!line["cause"].as_str().unwrap().is_empty(), "{line}");
        }
        assert!(failed[2]["cause"].is_string(), "{}", failed[2]);
    }
}

#[test]
fn a_failed_start_is_logged_in_the_chosen_format() {
    let folder = tempfile::tempdir().unwrap();
    let unreachable = "postgres://me:s3cret@127.0.0.1:1/x";
    for (arguments, words) in [
        (
            &["serve", "--log-format=json"][..],
            &["cannot connect", "refused"][..],
        ),
        (
            &["serve", "--log-format", "json", "--port", "many"],
            &["--port", "0 to 65535"],
        ),
        (
            &["serve", "--log-format=json", "--log", "="],
            &["invalid log filter"],
        ),
        (&["migrate", "up", "--log-format=json"], &["cannot connect"]),
    ] {
        let mut command = within(&folder, arguments);
        let output = Process::output(command.env("DATABASE_URL", unreachable));
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        let log = lines(&text);
        assert_eq!(log.len(), 1, "{text}");
        assert_eq!(log[0]["level"], "ERROR");
        let message = log[0]["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
        assert!(!message.starts_with("error"), "{message}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}
