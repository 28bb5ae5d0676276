//! Private instances: started, killed, stopped and healed.

use super::{hammer, json, text};

#[tokio::test]
async fn private_instances_survive_kills_and_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let scenarios = [
        "--scenario",
        "kill",
        "--scenario",
        "pause",
        "--scenario",
        "across",
    ];
    let arguments = [&scenarios[..], &["--report", "report", "--oracle", "api"]].concat();
    let (output, _) = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = json(&folder.path().join("report"));
    assert_eq!(report["strict"], true);
    let seen = |row: &str| {
        let rows = report["coverage"].as_array().unwrap();
        let found = rows.iter().find(|one| one["seen"] == row);
        found.unwrap_or_else(|| panic!("{row}: {rows:?}"))["count"]
            .as_u64()
            .unwrap()
    };
    assert!(seen("kills with requests in flight") > 5);
    assert!(seen("pauses with requests in flight") > 0);
    assert!(seen("keys whose requests overlapped on different instances") > 20);
}

#[tokio::test]
async fn a_service_that_does_not_start_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quick", "--database-url", "sqlite:///nowhere/at/all.db"];
    let (output, _) = hammer(folder.path(), &arguments).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("instance 0"), "{said}");
}
