//! Probes: liveness, readiness while draining, and the start before the database.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{LIMITS, lines};
use crate::cli::{assert_fails, within};
use crate::harness::{
    Backend, Bounds, Client, Cluster, Fault, Instance, Process, Proxy, Stop, TestDatabase, on_both,
    on_postgres, order,
};

on_postgres! {
    async fn liveness_does_not_depend_on_the_database(app: &App) {
        let proxy = Proxy::start(&app.database).await;
        let instance = Instance::start_on(&proxy.url(&app.database), Bounds::default()).await;
        proxy.inject(Fault::Down);
        instance.client.get("/health").await.expect(503);
        let alive = instance.client.get("/livez").await.expect(200);
        assert_eq!(alive.text(), r#"{"status":"ok"}"#);
        proxy.heal();
        instance.client.get("/health").await.expect(200);
        instance.stop().await;
    }
}

on_both! {
    async fn while_draining_orders_are_placed_and_readiness_is_503(database: &TestDatabase) {
        let process = Process::serve_with(database, &["--shutdown-delay=2s"]);
        process.client.get("/health").await.expect(200);
        process.signal("TERM");
        tokio::time::sleep(Duration::from_millis(500)).await;
        // On new connections, as those of a load balancer.
        let client = Client::new(process.client.address);
        client.get("/health").await.expect_error(503, "the service is shutting down");
        client.get("/livez").await.expect(200);
        client.place("key", order("tea", 2)).await.expect(201);
        assert_eq!(process.wait(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_waits_for_a_database_that_is_not_up() {
    let cluster = Cluster::start_new(&[("fsync", "off")]);
    let database = TestDatabase::create_in(&cluster).await;
    cluster.stop(Stop::Fast);
    let mut command = Process::serving(&database);
    command
        .env("ORDERS_LOG", "warn")
        .args(["--log-format=json", "--wait-for-database=60s"])
        .stderr(Stdio::piped());
    let process = std::thread::scope(|threads| {
        let starting = threads.spawn(|| Process::start(&mut command));
        std::thread::sleep(Duration::from_millis(1500));
        assert!(!starting.is_finished(), "it does not wait");
        cluster.start();
        starting.join().unwrap()
    });
    process
        .client
        .place("key", order("tea", 2))
        .await
        .expect(201);
    process.signal("TERM");
    let (code, text) = process.log();
    assert_eq!(code, Some(0));
    let waiting = |line: &&serde_json::Value| line["message"] == "waiting for the database";
    assert_eq!(lines(&text).iter().filter(waiting).count(), 1, "{text}");
    database.finish().await;
}

#[test]
fn the_wait_for_a_database_is_bounded_and_only_for_what_may_pass() {
    let folder = tempfile::tempdir().unwrap();
    let wait = |url: &str, wait: &str, words: &[&str]| {
        let started = Instant::now();
        let flags = ["serve", "--log=error", "--wait-for-database", wait];
        assert_fails(within(&folder, &flags).env("DATABASE_URL", url), words);
        started.elapsed()
    };
    let waited = wait("postgres://me:s3cret@127.0.0.1:1/x", "1500ms", &["refused"]);
    assert!(waited >= Duration::from_millis(1500), "{waited:?}");
    for (url, words) in [
        (
            "sqlite:///no/such/folder/orders.db",
            &["the directory /no/such/folder does not exist"][..],
        ),
        ("mysql://127.0.0.1/x", &["must start with"]),
    ] {
        let waited = wait(url, "60s", words);
        assert!(waited < Duration::from_secs(45), "{waited:?}");
    }
}

#[tokio::test]
async fn a_taken_port_leaves_the_schema_alone() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let database = TestDatabase::create(backend).await;
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let mut command = Process::serving(&database);
        command.env("PORT", port).args(LIMITS);
        assert_fails(&mut command, &["cannot listen on"]);
        let migrations = database
            .connect()
            .await
            .schema()
            .migrations()
            .await
            .unwrap();
        assert!(
            migrations.iter().all(|migration| !migration.applied),
            "{migrations:?}"
        );
        database.drop().await;
    }
}
