//! What is refused before the first order: arguments without effect, URLs, oracles.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{hammer, text};
use crate::zoo::{ZooServer, named};

/// Starts a server that answers every request with 200 and an empty list; returns its URL, and how
/// many orders it was sent.
async fn counting_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&posts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    let request = text(&bytes[..count]);
                    counted.fetch_add(request.matches("POST /").count(), Ordering::Relaxed);
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"orders\":[]}";
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    (url, posts)
}

#[tokio::test]
async fn nothing_is_sent_before_arguments_and_oracles_are_known_to_be_usable() {
    let folder = tempfile::tempdir().unwrap();
    let (url, posts) = counting_server().await;
    let with_query = format!("{url}/?tenant=1");
    let without_scheme = url.replace("http://", "");
    let did_you_mean = format!("did you mean {url}?");
    let missing = format!("db:sqlite://{}/none.db", folder.path().display());
    let empty = folder.path().join("empty.db");
    std::fs::write(&empty, "").unwrap();
    let empty = format!("db:sqlite://{}", empty.display());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let file = file.display().to_string();
    for (arguments, said) in [
        (
            &["--url", &url, "--rate", "5"][..],
            "--rate has no effect without --load",
        ),
        (
            &["--url", &url, "--warmup", "1s"],
            "--warmup has no effect without --load",
        ),
        (
            &["--url", &url, "--assert", "rps>1"],
            "--assert has no effect without --load",
        ),
        (
            &["--url", &url, "--connections", "1"],
            "--connections has no effect without --load",
        ),
        (
            &["--url", &url, "--replays", "1"],
            "--replays has no effect without --load",
        ),
        (
            &["--url", &url, "--load", "--seed", "1"],
            "--seed has no effect with --load",
        ),
        (
            &["--url", &url, "--load", "--strict"],
            "--strict has no effect with --load",
        ),
        (
            &["--url", &url, "--load", "--oracle", "api"],
            "--oracle has no effect with --load",
        ),
        (
            &["--url", &url, "--quick", "--duration", "5s"],
            "--duration has no effect without",
        ),
        (
            &["--quick", "--allow-remote"],
            "--allow-remote has no effect without --url",
        ),
        (
            &["--url", &url, "--oracle", "none", "--oracle", "api"],
            "--oracle none contradicts",
        ),
        (&["--url", &with_query], "a target has no query"),
        (&["--url", &without_scheme], &did_you_mean),
        (
            &["--url", &url, "--oracle", "db:postgres://127.0.0.1:1/none"],
            "through --oracle db: ",
        ),
        (
            &["--url", &url, "--oracle", &missing],
            "unable to open database file",
        ),
        (
            &["--url", &url, "--oracle", &empty],
            "no such table: orders",
        ),
        (&["--url", &url, "--report", &file], "cannot write"),
    ] {
        let output = hammer(folder.path(), arguments).await;
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert_eq!(posts.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn what_stays_in_the_service_is_said_before_and_after() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quick", "--url", &server.urls()[0], "--report", "report"];
    let output = hammer(folder.path(), &arguments).await;
    let report = super::json(&folder.path().join("report"));
    let prefix = report["item_prefix"].as_str().unwrap();
    let (before, after) = (text(&output.stderr), text(&output.stdout));
    let announced: u64 = before
        .split_once("makes up to ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("{before}"));
    assert!(before.contains(prefix), "{before}");
    let left = report["orders_left"].as_u64().unwrap();
    assert!(
        after.contains(&format!("{left} orders stay in the service")),
        "{after}"
    );
    assert!(after.contains(prefix), "{after}");
    assert!(left > 100 && left <= announced, "{left} of {announced}");

    let url = format!("{}/orders?limit=1000", server.urls()[0]);
    // reqwest needs a provider even where nothing is encrypted. An error: there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let list = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    let orders = list["orders"].as_array().unwrap();
    assert!(orders.len() > 100);
    for order in orders {
        assert!(
            order["item"].as_str().unwrap().starts_with(prefix),
            "{order}"
        );
    }
}

#[tokio::test]
async fn a_temporary_database_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--scenario", "mismatch", "--instances", "1", "--quick"];
    let output = hammer(folder.path(), &arguments).await;
    assert!(text(&output.stderr).contains("in a temporary database"));
    assert!(!text(&output.stdout).contains("in the service"));
}
