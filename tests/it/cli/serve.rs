//! `orders serve`: settings, start and shutdown.

use std::net::TcpListener;
use std::process::Stdio;

use crate::cli::{assert_fails, within};
use crate::harness::{Backend, Process, Raw, Reply, TestDatabase, on_both, order};

/// A port that is taken while the listener lives.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

#[tokio::test]
async fn the_default_is_an_sqlite_file_that_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&mut within(&folder, &["serve"]));
    let placed = process
        .client
        .place("key", order("tea", 2))
        .await
        .expect(201);
    process.signal("TERM");
    let (code, log) = process.log();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("DATABASE_URL is not set, using SQLite in ./orders.db"),
        "{log}"
    );
    assert!(folder.path().join("orders.db").is_file());

    let process = Process::start(&mut within(&folder, &["serve"]));
    let replay = process
        .client
        .place("key", order("tea", 2))
        .await
        .expect(200);
    assert_eq!(replay.body, placed.body);
    let page = process.client.get("/orders").await.expect(200);
    assert_eq!(page.json()["orders"], serde_json::json!([placed.json()]));
    process.signal("INT");
    assert_eq!(process.log().0, Some(0));
}

#[test]
fn flags_override_variables() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, port) = taken();
    drop(listener);
    let process = Process::start(within(&folder, &["serve"]).env("PORT", &port));
    assert_eq!(
        process.client.address.to_string(),
        format!("127.0.0.1:{port}")
    );
    process.kill();

    let (_listener, busy) = taken();
    let flags = [
        "serve",
        "--port=0",
        "--host=127.0.0.1",
        "--database-url=sqlite://flag.db",
    ];
    let mut command = within(&folder, &flags);
    command
        .env("PORT", &busy)
        .env("HOST", "no.such.host.invalid")
        .env("DATABASE_URL", "sqlite://variable.db");
    Process::start(&mut command).kill();
    assert!(folder.path().join("flag.db").is_file());
    assert!(!folder.path().join("variable.db").exists());
}

on_both! {
    async fn the_database_of_the_variable_is_used(app: &App) {
        let placed = app.client.place("key", order("tea", 2)).await.expect(201);
        let process = Process::serve(&app.database);
        let replay = process.client.place("key", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, placed.body);
        process.signal("TERM");
        assert_eq!(process.wait(), Some(0));
    }
}

#[test]
fn an_unusable_database_is_reported_in_one_line_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in [
        (
            "postgres://me:s3cret@127.0.0.1:1/x",
            &["me:***@127.0.0.1:1/x", "refused"][..],
        ),
        (
            "postgres://127.0.0.1:1/x?user=me&password=s3cret",
            &["127.0.0.1:1", "refused"],
        ),
        (
            "postgres://me:s3cret@127.0.0.1:99999/x",
            &["malformed", "port"],
        ),
        (
            "mysql://me:s3cret@127.0.0.1/x",
            &["must start with", "postgres://", "sqlite:"],
        ),
        ("me:s3cret@127.0.0.1/x", &["must start with"]),
        ("orders.db", &["must start with"]),
        ("sqlite://", &["must start with"]),
        ("", &["database URL is empty", "DATABASE_URL"]),
        (" ", &["database URL is empty"]),
        ("sqlite::memory:", &["in memory", "name a file"]),
        (
            "sqlite:///no/such/folder/orders.db",
            &["/no/such/folder/orders.db"],
        ),
    ] {
        for command in [&["serve"][..], &["migrate", "up"], &["migrate", "status"]] {
            assert_fails(within(&folder, command).env("DATABASE_URL", url), words);
            let flag = ["--database-url", url];
            assert_fails(&mut within(&folder, &[command, &flag].concat()), words);
        }
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "a file was left"
    );
}

#[test]
fn an_empty_database_url_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["serve"][..], &["migrate", "up"], &["migrate", "status"]] {
        for empty in ["", " "] {
            let words = ["is empty", "DATABASE_URL", "./orders.db"];
            assert_fails(within(&folder, command).env("DATABASE_URL", empty), &words);
            let flag = ["--database-url", empty];
            assert_fails(&mut within(&folder, &[command, &flag].concat()), &words);
        }
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "a file was left"
    );
}

#[tokio::test]
async fn a_missing_database_is_named() {
    let mut database = TestDatabase::create(crate::harness::Backend::Postgres).await;
    let url = database.url.clone();
    database.url += "_not";
    assert_fails(
        &mut Process::on(&database, &["serve"]),
        &["does not exist", "_not"],
    );
    database.url = url;
    database.drop().await;
}

#[test]
fn a_database_that_does_not_answer_times_out() {
    // The kernel accepts connections, and nothing ever answers.
    let (_listener, port) = taken();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://me:s3cret@127.0.0.1:{port}/x");
    let mut command = within(&folder, &["serve", "--connect-timeout", "300ms"]);
    assert_fails(
        command.env("DATABASE_URL", url),
        &["did not answer within 300ms", "me:***@"],
    );
}

#[tokio::test]
async fn the_log_shows_no_password_and_is_json_on_request() {
    let database = TestDatabase::create(crate::harness::Backend::Postgres).await;
    let mut url: url::Url = database.url.parse().unwrap();
    let password = url.password().unwrap_or("s3cret").to_owned();
    // A server with trust authentication ignores it.
    url.set_password(Some(&password)).unwrap();
    let mut command = Process::on(
        &database,
        &[
            "serve",
            "--log",
            "trace",
            "--log-format",
            "json",
            "--access-log",
        ],
    );
    command
        .env("DATABASE_URL", url.as_str())
        .stderr(Stdio::piped());
    let process = Process::start(&mut command);
    let request = process.client.request(reqwest::Method::GET, "/health");
    Reply::to(request.header("x-request-id", "trace-1"))
        .await
        .expect(200);
    let address = process.client.address;
    process.signal("TERM");
    let (code, log) = process.log();
    assert_eq!(code, Some(0));
    let docs = format!("API documentation at http://{address}/docs");
    assert!(log.contains(&docs), "{log}");
    assert!(log.contains("serving") && log.contains("stopped"), "{log}");
    assert!(!log.contains(&password), "{log}");
    let lines = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let (access, others): (Vec<_>, Vec<_>) =
        lines.partition(|line| line["target"] == "orders::access");
    for line in others {
        let complete = line["level"].is_string() && line["message"].is_string();
        assert!(complete, "{line}");
    }
    assert_eq!(access.len(), 1);
    assert_eq!(access[0]["request_id"], "trace-1");
    assert!(access[0]["duration_us"].is_u64(), "{}", access[0]);
    database.drop().await;
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, port) = taken();
    let address = format!("127.0.0.1:{port}");
    let mut command = within(&folder, &["serve", "--log", "error"]);
    assert_fails(
        command.env("PORT", &port),
        &["cannot listen on", &address, "in use"],
    );
}

#[test]
fn timeouts_that_contradict_each_other_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (flags, shorter, longer) in [
        (
            &["--lock-wait=10s"][..],
            "--lock-wait",
            "--transaction-timeout",
        ),
        (&["--lock-wait=5s"], "--lock-wait", "--transaction-timeout"),
        (
            &["--transaction-timeout=1s"],
            "--lock-wait",
            "--transaction-timeout",
        ),
        (
            &["--transaction-timeout=20s"],
            "--transaction-timeout",
            "--request-timeout",
        ),
        (
            &["--request-timeout=5s"],
            "--transaction-timeout",
            "--request-timeout",
        ),
    ] {
        let mut command = within(&folder, &[&["serve"], flags].concat());
        assert_fails(&mut command, &[shorter, "must be shorter than", longer]);
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "a file was left"
    );
}

/// Begins a request and waits until the server asks for its body, so that it is in flight.
async fn in_flight(process: &Process, body: &str) -> Raw {
    let mut connection = Raw::connect(process.client.address).await;
    let length = body.len();
    let lines =
        format!("Idempotency-Key: key\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n");
    connection.post(&lines).await;
    assert_eq!(connection.reply().await.status, 100);
    connection
}

on_both! {
    async fn a_signal_ends_the_server_after_the_requests_in_flight(app: &App) {
        let body = order("tea", 2);
        let mut status = 201;
        for signal in ["TERM", "INT"] {
            let process = Process::serve(&app.database);
            let mut connection = in_flight(&process, &body).await;
            process.signal(signal);
            Raw::refused(process.client.address).await;
            let reply = connection.send(&body).await.reply().await.expect(status);
            assert_eq!(reply.is_replay(), status == 200);
            connection.closed().await;
            assert_eq!(process.wait(), Some(0), "{signal}");
            status = 200;
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

#[tokio::test]
async fn after_an_orderly_shutdown_only_the_sqlite_file_is_left() {
    let database = TestDatabase::create(Backend::Sqlite).await;
    let file = database.url.trim_start_matches("sqlite://").to_owned();
    let log = std::path::PathBuf::from(format!("{file}-wal"));
    let process = Process::serve(&database);
    let placed = process.client.place("key", order("tea", 2)).await;
    placed.expect(201);
    assert!(log.exists(), "the order is in the log");
    process.signal("TERM");
    assert_eq!(process.wait(), Some(0));
    assert!(!log.exists(), "{}", log.display());
    assert_eq!(database.orders().await, 1);
    database.drop().await;
}

#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&mut within(&folder, &["serve"]));
    let _connection = in_flight(&process, &order("tea", 2)).await;
    process.signal("TERM");
    Raw::refused(process.client.address).await;
    process.signal("INT");
    assert_eq!(process.log().0, Some(130));
}

#[tokio::test]
async fn requests_beyond_the_shutdown_timeout_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&mut within(
        &folder,
        &["serve", "--shutdown-timeout", "200ms"],
    ));
    let mut connection = in_flight(&process, &order("tea", 2)).await;
    process.signal("TERM");
    connection.closed().await;
    assert_eq!(process.log().0, Some(0));
}
