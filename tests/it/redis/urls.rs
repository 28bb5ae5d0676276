//! `--redis-url`: a password, TLS, and what cannot be used.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{assert_fails, within};
use crate::harness::{Backend, Process, RedisServer, TestDatabase, order};

/// Runs a service on this Redis until one of its orders is shared, by the count of `entries`.
async fn assert_shares(url: &str, roots: &Path, entries: impl Fn() -> usize) {
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    let mut serve = Process::serving(&database);
    serve
        .env("ORDERS_REDIS_URL", url)
        .env("ORDERS_LOG", "warn,orders=info")
        .env("SSL_CERT_FILE", roots)
        .stderr(Stdio::piped());
    let service = Process::start(&mut serve);
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut number = 0;
    while entries() == 0 && Instant::now() < deadline {
        let key = format!("key-{number}");
        service
            .client
            .place(&key, order("beans", 2))
            .await
            .expect(201);
        number += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    service.signal("TERM");
    let (code, log) = service.log();
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    assert!(entries() > 0, "nothing is shared: {log}");
    database.finish().await;
}

/// The number of entries, asked with Debian's own client.
fn cli(port: u16, flags: &[&str]) -> usize {
    let mut command = Command::new("redis-cli");
    command
        .args(["-h", "localhost", "-p", &port.to_string(), "-a", "s3cret"])
        .args(flags)
        .args(["--no-auth-warning", "DBSIZE"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim()
        .parse()
        .unwrap_or_else(|_| panic!("{text} {command:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_sent_and_never_logged() {
    let redis = RedisServer::start_with(&["--requirepass", "s3cret"]);
    let url = format!("redis://:s3cret@127.0.0.1:{}", redis.port());
    assert_shares(&url, Path::new("/none"), || cli(redis.port(), &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_verifies_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (certificate, key) = (path("certificate"), path("key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let flags = [
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &certificate,
    ];
    let more = [
        "--tls-key-file",
        &key,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "s3cret",
    ];
    let _redis = RedisServer::start_with(&[&flags[..], &more].concat());
    let url = format!("rediss://:s3cret@localhost:{port}");
    let entries = || cli(port, &["--tls", "--cacert", &certificate]);
    assert_shares(&url, Path::new(&certificate), entries).await;
}

#[test]
fn a_url_that_is_not_of_redis_is_refused_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["http://:s3cret@h", "s3cret", "redis://:s3cret@h:port", ""] {
        let flag = format!("--redis-url={url}");
        assert_fails(
            &mut within(&folder, &["serve", &flag]),
            &["invalid Redis URL"],
        );
    }
}
