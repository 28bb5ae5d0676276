//! Retention: answers expire, then tombstones, and orders never.

mod growth;
mod lookup;
mod race;
mod sweeper;

use std::net::UdpSocket;
use std::time::{Duration, SystemTime};

use reqwest::Method;
use serde_json::json;

use crate::examples::{Post, serve};
use crate::harness::{Bounds, Client, Process, Reply, TestDatabase, on_both, on_sqlite, order};

/// Without a replay cache, which keeps what a test makes older.
fn without_cache() -> Bounds {
    Bounds::with(|bounds| bounds.executor.replay_bytes_max = 0)
}

/// Sweeps on demand and returns the number of answers that were deleted.
async fn cleanup(client: &Client) -> u64 {
    let reply = client.post_to("/admin/cleanup").await.expect(200);
    let deleted = reply.json()["deleted"].as_u64().unwrap();
    assert_eq!(reply.json(), json!({ "deleted": deleted }));
    deleted
}

#[track_caller]
fn expect_expired(reply: Reply, location: Option<&str>) {
    let reply = reply.expect(409);
    assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_EXPIRED");
    assert_eq!(reply.header("location"), location);
    assert_eq!(reply.header("retry-after"), None);
    assert_eq!(reply.header("idempotent-original-request-id"), None);
    assert!(!reply.is_replay());
}

on_both! {
    async fn a_late_retry_is_told_of_its_order_until_the_key_is_new(
        app: &App with without_cache()
    ) {
        let (client, database) = (&app.client, &app.database);
        let first = client.place("key", order("tea", 1)).await.expect(201);
        let location = first.header("location").unwrap().to_owned();

        database.age_keys(23).await;
        assert_eq!(cleanup(client).await, 0);
        client.place("key", order("tea", 1)).await.expect(200);
        database.age_keys(2).await;
        // What is still stored is still honoured.
        client.place("key", order("tea", 1)).await.expect(200);
        assert_eq!(cleanup(client).await, 1);
        assert_eq!(database.keys().await, (0, 1));
        let named = "SELECT count(*) FROM idempotency_keys WHERE request_id IS NOT NULL";
        assert_eq!(database.count(named).await, 0);
        let late = client.place("key", order("tea", 1)).await;
        expect_expired(late, Some(&location));
        // The payload is gone, too, so nothing is compared with it.
        expect_expired(client.place("key", order("tea", 2)).await, Some(&location));
        let request = client.post(order("tea", 1)).header("idempotency-key", "key");
        let problem = Reply::to(request.header("accept", "application/problem+json")).await;
        assert_eq!(problem.json()["title"], "Idempotency-Key has expired");
        expect_expired(problem, Some(&location));
        assert_eq!(client.get(&location).await.expect(200).body, first.body);
        assert_eq!(database.orders().await, 1);

        database.age_keys(24 * 28).await;
        assert_eq!(cleanup(client).await, 0);
        assert_eq!(database.keys().await, (0, 1));
        database.age_keys(24 * 2).await;
        assert_eq!(cleanup(client).await, 0);
        assert_eq!(database.keys().await, (0, 0));
        let second = client.place("key", order("tea", 1)).await.expect(201);
        assert_ne!(second.id(), first.id());
        client.get(&location).await.expect(200);
        database.delete_orders_without_key().await;
    }
}

on_both! {
    async fn every_answer_says_when_it_expires(app: &App) {
        let expires = |reply: &Reply| {
            let expires = reply.header("idempotency-expires").unwrap();
            httpdate::parse_http_date(expires).unwrap()
        };
        let first = app.client.place("key", order("tea", 1)).await.expect(201);
        let day = Duration::from_hours(24);
        let left = expires(&first).duration_since(SystemTime::now()).unwrap();
        assert!(left <= day && left + Duration::from_mins(1) > day, "{left:?}");
        for _from_the_database_and_from_memory in 0..2 {
            let replay = app.client.place("key", order("tea", 1)).await.expect(200);
            assert_eq!(expires(&replay), expires(&first));
        }
        let reused = app.client.place("key", order("tea", 2)).await.expect(409);
        assert_eq!(reused.header("idempotency-expires"), None);
    }
}

fn two_seconds() -> Bounds {
    Bounds::with(|bounds| bounds.executor.retention.answers = Duration::from_secs(2))
}

on_both! {
    async fn no_answer_is_replayed_from_memory_after_it_has_expired(app: &App with two_seconds()) {
        let first = app.client.place("key", order("tea", 1)).await.expect(201);
        app.client.place("key", order("tea", 1)).await.expect(200);
        // SQLite stores whole seconds, and an answer lives a second longer rather than shorter.
        tokio::time::sleep(Duration::from_millis(3200)).await;
        assert_eq!(cleanup(&app.client).await, 1);
        let late = app.client.place("key", order("tea", 1)).await;
        expect_expired(late, first.header("location"));
    }
}

on_both! {
    /// A refusal created nothing that could be found.
    async fn a_refusal_expires_without_a_location(backend: Backend) {
        let database = TestDatabase::create(backend).await;
        let stock = serve("stock", &database);
        let ask = |key: &str| Post::new("/reservations", key, &json!({ "quantity": 1000 }));
        ask("key").to(&stock.client).await.expect(422);
        database.age_keys(25).await;
        let output = Process::output(&mut Process::on(&database, &["sweep"]));
        assert!(output.status.success(), "{output:?}");
        // Its replay cache has nothing: the refusal was not replayed.
        expect_expired(ask("key").to(&stock.client).await, None);
        stock.stop();
        database.drop().await;
    }
}

on_both! {
    async fn orders_sweep_reports_what_it_deletes(app: &App with without_cache()) {
        let keys = (0..700).map(|n| format!("key-{n}"));
        for reply in app.client.place_all(keys, &order("tea", 1)).await {
            reply.expect(201);
        }
        app.database.age_keys(24 * 31).await;
        let sweep = |flags: &[&str]| {
            let flags = [&["sweep"], flags].concat();
            let output = Process::output(&mut Process::on(&app.database, &flags));
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let report = |answers: u32, tombstones: u32| {
            format!("expired answers deleted: {answers}\nexpired tombstones deleted: {tombstones}\n")
        };
        assert_eq!(sweep(&["--key-retention", "32d", "--tombstone-retention", "32d"]), report(0, 0));
        assert_eq!(sweep(&["--tombstone-retention", "32d"]), report(700, 0));
        assert_eq!(sweep(&["--tombstone-retention", "32d"]), report(0, 0));
        assert_eq!(sweep(&[]), report(0, 700));
        app.database.delete_orders_without_key().await;
    }
}

on_sqlite! {
    async fn answers_cannot_outlive_their_tombstones(database: &TestDatabase) {
        for command in ["serve", "sweep"] {
            let flags = [command, "--key-retention", "2d", "--tombstone-retention", "1d"];
            let output = Process::output(&mut Process::on(database, &flags));
            assert_eq!(output.status.code(), Some(2));
            let error = String::from_utf8(output.stderr).unwrap();
            assert!(error.contains("--key-retention (2days) must not be longer than"), "{error}");
        }
    }
}

on_sqlite! {
    async fn only_clients_on_this_machine_clean_up(database: &TestDatabase) {
        let server = Process::serve(database);
        let path = "/admin/cleanup";
        let get = Reply::to(server.client.request(Method::GET, path)).await.expect(405);
        assert_eq!(get.header("allow"), Some("POST"));
        server.client.post_to(path).await.expect(200);
        server.stop();
        // The address of a network interface: its connections are not from loopback.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        if socket.connect("192.0.2.1:9").is_err() {
            eprintln!("no network interface besides loopback: 403 is not tested");
            return;
        }
        let address = socket.local_addr().unwrap().ip().to_string();
        let server = Process::start(Process::serving(database).env("HOST", address));
        let refused = server.client.post_to(path).await;
        refused.expect_error(403, "only clients on this machine may do this");
        server.stop();
    }
}
