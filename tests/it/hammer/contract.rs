//! `--contract FILE`: what is refused before the first request, and the built-in contract.

use super::{hammer, text};
use crate::zoo::{ZooServer, named};

#[tokio::test]
async fn a_wrong_contract_is_refused_before_the_first_request() {
    let folder = tempfile::tempdir().unwrap();
    let body = "body = '{\"a\":\"{{marker}}\"}'\n";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    for (lines, arguments, why) in [
        (
            "[response]\nfresh = [99]\n",
            &[][..],
            "c.toml: line 4: response.fresh: expected statuses",
        ),
        (
            "methd = 'PUT'\n",
            &[],
            "c.toml: line 3: request.methd: unknown field",
        ),
        ("", &["--oracle", "api"], "--oracle api needs stored.list"),
        (
            "",
            &["--oracle", "db:sqlite://x.db"],
            "--oracle db:URL needs stored.sql",
        ),
    ] {
        let contract = format!("[request]\n{body}{lines}");
        std::fs::write(folder.path().join("c.toml"), contract).unwrap();
        let given = [
            &["--quick", "--url", &url, "--contract", "c.toml"],
            arguments,
        ]
        .concat();
        let output = hammer(folder.path(), &given).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(listener.accept().is_err(), "something was sent: {said}");
    }
    let output = hammer(folder.path(), &["--contract", "missing.toml"]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot read the contract missing.toml"));
}

#[tokio::test]
async fn the_printed_contract_is_one_that_a_service_of_it_keeps() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let output = hammer(folder.path(), &["contract"]).await;
    assert_eq!(output.status.code(), Some(0));
    std::fs::write(folder.path().join("c.toml"), &output.stdout).unwrap();
    let scenarios = [
        "--scenario",
        "pair",
        "--scenario",
        "mismatch",
        "--scenario",
        "same-json",
    ];
    let service = [
        "--quick",
        "--url",
        &server.urls()[0],
        "--contract",
        "c.toml",
        "--strict",
    ];
    let output = hammer(folder.path(), &[&service[..], &scenarios].concat()).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}
