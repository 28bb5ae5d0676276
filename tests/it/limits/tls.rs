//! TLS by flags, and its certificate that is read again on SIGHUP.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::cli::{assert_fails, within};
use crate::harness::{Process, TestDatabase, on_both, on_sqlite, order};

/// A certificate in files, and as what a client trusts.
struct Files {
    folder: TempDir,
    trusted: CertificateDer<'static>,
}

impl Files {
    fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trusted = write(folder.path());
        Self { folder, trusted }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `orders serve` with the certificate.
    fn serve(&self, database: &TestDatabase) -> Process {
        let mut command = Process::serving(database);
        command
            .env("ORDERS_TLS_CERT", self.path("cert.pem"))
            .env("ORDERS_TLS_KEY", self.path("key.pem"));
        Process::start(&mut command)
    }
}

/// Writes a new certificate and its key.
fn write(folder: &Path) -> CertificateDer<'static> {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

/// Sends a request on a connection of its own, trusting one certificate, and returns the response.
async fn exchange(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(String::from_utf8(response).unwrap())
}

fn place(key: &str) -> String {
    let body = order("tea", 2);
    format!(
        "POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

on_both! {
    async fn orders_are_placed_over_tls(database: &TestDatabase) {
        let files = Files::create();
        let server = files.serve(database);
        let address = server.client.address;
        let placed = exchange(address, &files.trusted, &place("key")).await.unwrap();
        assert!(placed.starts_with("HTTP/1.1 201 Created\r\n"), "{placed}");
        let replay = exchange(address, &files.trusted, &place("key")).await.unwrap();
        assert!(replay.starts_with("HTTP/1.1 200 OK\r\n"), "{replay}");
        assert_eq!(placed.lines().last(), replay.lines().last());
        // Plain HTTP gets nothing.
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(place("plain").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(database.orders().await, 1);
        server.stop();
    }
}

on_sqlite! {
    async fn a_hangup_replaces_the_certificate_without_a_restart(database: &TestDatabase) {
        let files = Files::create();
        let server = files.serve(database);
        let address = server.client.address;
        exchange(address, &files.trusted, &place("key")).await.unwrap();

        // What cannot be used changes nothing.
        std::fs::write(files.path("cert.pem"), "nothing").unwrap();
        server.signal("HUP");
        tokio::time::sleep(Duration::from_millis(300)).await;
        exchange(address, &files.trusted, &place("key")).await.unwrap();

        let renewed = write(files.folder.path());
        server.signal("HUP");
        let deadline = Instant::now() + Duration::from_secs(10);
        while exchange(address, &renewed, &place("key")).await.is_err() {
            assert!(Instant::now() < deadline, "the new certificate is not used");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let former = exchange(address, &files.trusted, &place("key")).await;
        assert!(former.is_err(), "the former certificate is still used");
        server.stop();
    }
}

on_sqlite! {
    async fn a_handshake_that_is_not_completed_is_cut(database: &TestDatabase) {
        let files = Files::create();
        let mut command = Process::serving(database);
        command
            .args(["--header-timeout", "500ms"])
            .env("ORDERS_TLS_CERT", files.path("cert.pem"))
            .env("ORDERS_TLS_KEY", files.path("key.pem"));
        let server = Process::start(&mut command);
        let started = Instant::now();
        let mut silent = TcpStream::connect(server.client.address).await.unwrap();
        let mut answer = [0; 16];
        let read = silent.read(&mut answer);
        let read = tokio::time::timeout(Duration::from_secs(5), read).await;
        assert!(matches!(read.expect("the connection is open"), Ok(0) | Err(_)));
        assert!(started.elapsed() >= Duration::from_millis(400));
        // Others are not kept waiting.
        exchange(server.client.address, &files.trusted, &place("key")).await.unwrap();
        server.stop();
    }
}

#[test]
fn an_unusable_certificate_is_refused_at_start() {
    let (files, other) = (Files::create(), Files::create());
    std::fs::write(files.path("empty.pem"), "").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = other.path("key.pem");
    for (cert, key, words) in [
        (
            "missing.pem",
            &key,
            &["cannot read a certificate", "missing.pem"][..],
        ),
        ("empty.pem", &key, &["empty.pem", "no certificate"]),
        (
            "cert.pem",
            &files.path("cert.pem"),
            &["cannot read a private key", "cert.pem"],
        ),
        (
            "cert.pem",
            &key,
            &["does not fit the certificate", "key.pem"],
        ),
    ] {
        let mut command = within(&folder, &["serve"]);
        command
            .env("ORDERS_LOG", "error")
            .env("ORDERS_TLS_CERT", files.path(cert))
            .env("ORDERS_TLS_KEY", key)
            .stderr(Stdio::piped());
        assert_fails(&mut command, words);
    }
    let half = within(&folder, &["serve", "--tls-cert", "cert.pem"])
        .output()
        .unwrap();
    assert_eq!(half.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&half.stderr).contains("--tls-key"));
}
