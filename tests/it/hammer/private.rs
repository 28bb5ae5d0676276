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
    let output = hammer(folder.path(), &arguments).await;
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
async fn a_spawned_service_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let output = hammer(folder.path(), &["contract"]).await;
    std::fs::write(folder.path().join("c.toml"), &output.stdout).unwrap();
    // The shell stays the parent of the service.
    let spawned = format!(
        "HOST=127.0.0.1 DATABASE_URL=sqlite://shared.db '{}' serve; true",
        env!("CARGO_BIN_EXE_orders")
    );
    let scenarios = ["--scenario", "kill", "--scenario", "pause"];
    let service = [
        "--spawn",
        &spawned,
        "--contract",
        "c.toml",
        "--report",
        "report",
    ];
    let output = hammer(folder.path(), &[&service[..], &scenarios].concat()).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = json(&folder.path().join("report"));
    for target in report["targets"].as_array().unwrap() {
        let address = target.as_str().unwrap().replace("http://", "");
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "it still runs"
        );
    }
}

#[tokio::test]
async fn a_spawned_service_has_no_url() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--spawn", "true", "--url", "http://127.0.0.1:9"];
    let output = hammer(folder.path(), &arguments).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("cannot be used with"),
        "{}",
        text(&output.stderr)
    );
    let output = hammer(folder.path(), &["--spawn", "exit 3"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("exited unexpectedly: exit status: 3"),
        "{said}"
    );
}

#[tokio::test]
async fn a_service_that_does_not_start_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quick", "--database-url", "sqlite:///nowhere/at/all.db"];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("instance 0"), "{said}");
}
