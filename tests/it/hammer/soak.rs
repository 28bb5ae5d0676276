//! A soak: several cycles, and their compressed history.

use super::{hammer, json, text};
use crate::zoo::{ZooServer, named};

#[tokio::test]
async fn the_compressed_history_of_a_soak_is_judged_again() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let url = &server.urls()[0];
    let arguments = [
        "--soak",
        "--duration",
        "9s",
        "--scenario",
        "burst",
        "--url",
        url,
        "--report",
        "first",
    ];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");

    let first = folder.path().join("first");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&first).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with("history") {
            assert!(name.ends_with(".ndjson.gz"), "{name}");
            files.push(entry.metadata().unwrap().len());
        }
    }
    assert!(files.len() >= 2, "{files:?}");
    let report = json(&first);
    let requests = report["requests"].as_u64().unwrap();
    let bytes: u64 = files.iter().sum();
    assert!(
        bytes / requests < 120,
        "{bytes} bytes for {requests} requests"
    );

    for history in ["first", "first/history.ndjson"] {
        let arguments = ["check", history, "--report", "second"];
        let output = hammer(folder.path(), &arguments).await;
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(json(&folder.path().join("second")), report);
    }
    // Without a cycle in the middle, the others are judged, and the gap is named.
    let middle = first.join("history-000001.ndjson.gz");
    let is_last = files.len() == 2;
    std::fs::remove_file(middle).unwrap();
    let output = hammer(folder.path(), &["check", "first"]).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let gap = "1 cycle was judged during the run, but not kept in the history";
    assert!(is_last || said.contains(gap), "{said}");
}
