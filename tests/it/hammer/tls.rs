//! Targets with TLS: the same verdicts over `https://`, and certificates that are not trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{hammer, json, text};
use crate::zoo::{Species, ZooServer, named};

/// An authority of its own, whose certificate is a file in `folder`.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let file = folder.join("authority.pem");
        std::fs::write(&file, certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(parameters, key),
            file,
        }
    }

    /// A server side with a certificate for `name`.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.into()], key)
            .unwrap();
        // A client that offers no HTTP/1.1 is refused.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    fn serve(&self, species: Species) -> ZooServer {
        ZooServer::open_encrypted(species, self.acceptor("127.0.0.1"))
    }
}

/// Runs `--quick` over TLS against a species; returns its exit status and what it said.
async fn quick(name: &str, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let server = authority.serve(named(name));
    let mut arguments = vec!["--quick"];
    let urls = server.urls();
    for url in &urls {
        assert!(url.starts_with("https://"));
        arguments.extend(["--url", url]);
    }
    let file = authority.file.display().to_string();
    arguments.extend(["--cacert", &file]);
    arguments.extend(more);
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap(), said)
}

#[tokio::test]
async fn correct_servers_hold() {
    for name in ["wait-and-replay", "two-instances"] {
        // A busy machine may leave no time for all scenarios; what is wrong is never excused.
        let mut last = (2, String::new());
        for _ in 0..3 {
            last = quick(name, &[]).await;
            if last.0 != 2 {
                break;
            }
        }
        assert_eq!(last.0, 0, "{name}: {}", last.1);
    }
}

#[tokio::test]
async fn wrong_servers_are_detected() {
    for name in [
        "check-then-insert",
        "mismatch-race-slips",
        "lock-leaked-on-vanish",
        "error-after-effect",
        "unique-violation-500",
        "memory-per-instance",
    ] {
        let (status, said) = quick(name, &[]).await;
        assert_eq!(status, 1, "{name}: {said}");
    }
}

#[tokio::test]
async fn faults_land_through_tls() {
    let scenarios = [
        "--scenario",
        "lost-answer",
        "--scenario",
        "cut",
        "--scenario",
        "late",
        "--scenario",
        "vanish",
        "--scenario",
        "stagger",
    ];
    let (status, said) = quick("wait-and-replay", &scenarios).await;
    assert_eq!(status, 0, "{said}");
    for row in [
        "lost answers",
        "requests cut off",
        "answers cut off",
        "requests delivered twice",
        "requests delivered after their retry",
        "clients disconnected before the answer",
    ] {
        let line = said
            .lines()
            .find(|line| line.ends_with(&format!("  {row}")));
        let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        assert!(count.is_some_and(|count| count > 0), "{row}: {said}");
    }
}

#[tokio::test]
async fn a_certificate_must_be_trusted_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let file = authority.file.display().to_string();
    let server = authority.serve(named("wait-and-replay"));
    let elsewhere = authority.acceptor("orders.example");
    let misnamed = ZooServer::open_encrypted(named("wait-and-replay"), elsewhere);
    let other = tempfile::tempdir().unwrap();
    let other = Authority::new(other.path()).file.display().to_string();
    let (url, misnamed) = (&server.urls()[0], &misnamed.urls()[0]);
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let empty = empty.display().to_string();
    let plain = url.replace("https", "http");
    for (arguments, said) in [
        (
            &["--url", url][..],
            "the TLS handshake failed: invalid peer certificate: UnknownIssuer",
        ),
        (
            &["--url", url],
            "pass --cacert FILE for a private authority, or --insecure",
        ),
        (
            &["--url", url, "--cacert", &other],
            "invalid peer certificate",
        ),
        (
            &["--url", misnamed, "--cacert", &file],
            "certificate not valid for name",
        ),
        (
            &["--url", url, "--cacert", &empty],
            "it contains none in PEM format",
        ),
        (
            &["--url", url, "--cacert", "missing.pem"],
            "cannot read certificates from missing.pem",
        ),
        (
            &["--url", &plain, "--cacert", &file],
            "--cacert has no effect without --url https://",
        ),
        (
            &["--url", &plain, "--insecure"],
            "--insecure has no effect without --url https://",
        ),
        (&["--load", "--url", url], "the TLS handshake failed"),
    ] {
        let output = hammer(folder.path(), arguments).await;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }

    let arguments = [
        "--quick",
        "--scenario",
        "pair",
        "--url",
        misnamed,
        "--insecure",
        "--report",
        "report",
    ];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        text(&output.stderr)
    );
    let note = "the certificate of the target was not verified (--insecure)";
    assert!(said.contains(note), "{said}");
    let report = folder.path().join("report");
    assert_eq!(json(&report)["insecure"], true);
    assert_eq!(json(&report)["targets"][0], misnamed.as_str());
    let page = std::fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains(note));
    let output = hammer(folder.path(), &["check", "report"]).await;
    assert!(text(&output.stdout).contains(note));
}

#[tokio::test]
async fn load_is_measured_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path());
    let server = authority.serve(named("wait-and-replay"));
    let file = authority.file.display().to_string();
    let arguments = [
        "--load",
        "--url",
        &server.urls()[0],
        "--cacert",
        &file,
        "--duration",
        "1s",
        "--warmup",
        "200ms",
        "--connections",
        "8",
        "--rate",
        "100",
        "--assert",
        "errors==0",
        "--report",
        "out",
    ];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = std::fs::read(folder.path().join("out/load.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert!(report["rps"].as_f64().unwrap() > 50.0, "{report}");
    // The ceiling is that of encrypted connections.
    assert!(
        report["generator_ceiling_rps"].as_f64().unwrap() > 300.0,
        "{report}"
    );
}
