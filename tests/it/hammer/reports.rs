//! The reports of a run, and judging its history again.

use std::time::Duration;

use super::{command, hammer, json, text};
use crate::zoo::{ZooServer, named};

#[tokio::test]
async fn a_violation_is_reported_everywhere_and_found_again_offline() {
    let server = ZooServer::open(named("check-then-insert"));
    let folder = tempfile::tempdir().unwrap();
    let url = &server.urls()[0];
    let arguments = ["--quick", "--url", url, "--seed", "7", "--report", "first"];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("VIOLATED"), "{said}");
    assert!(said.contains("orders are stored"), "{said}");
    assert!(said.contains("curl -i http://127.0.0.1"), "{said}");
    assert!(said.contains("--seed 7"), "{said}");

    let first = folder.path().join("first");
    let report = json(&first);
    assert_eq!(report["verdict"], "violated");
    assert_eq!(report["seed"], 7);
    let violation = &report["violations"][0];
    assert_eq!(violation["invariant"], "one-order");
    assert!(violation["key"].is_string() && violation["seen"].is_string());
    for count in ["requests", "keys", "contended_keys"] {
        assert!(
            report[count].as_u64().unwrap() > 20,
            "{count}: {}",
            report[count]
        );
    }
    assert!(report["latency_ms"]["fresh"]["p99"].as_f64().unwrap() > 0.0);

    let page = std::fs::read_to_string(first.join("report.html")).unwrap();
    for foreign in ["http-equiv", "<script", "<link", "src=", "@import", "url("] {
        assert!(!page.contains(foreign), "not self-contained: {foreign}");
    }
    let junit = std::fs::read_to_string(first.join("junit.xml")).unwrap();
    assert!(junit.contains("<failure") && junit.contains("one-order"));
    let summary = std::fs::read_to_string(first.join("summary.md")).unwrap();
    assert!(
        summary.starts_with("## ❌ orders hammer: violated"),
        "{summary}"
    );
    assert!(summary.contains("| one-order | "), "{summary}");

    let arguments = ["check", "first/history.ndjson", "--report", "second"];
    let output = hammer(folder.path(), &arguments).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&folder.path().join("second")), report);
}

#[tokio::test]
async fn every_answer_that_convicts_is_shown() {
    let server = ZooServer::open(named("check-then-insert"));
    let folder = tempfile::tempdir().unwrap();
    let url = &server.urls()[0];
    let arguments = [
        "--quick",
        "--url",
        url,
        "--scenario",
        "burst",
        "--report",
        "report",
    ];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout);
    let report = folder.path().join("report");
    let page = std::fs::read_to_string(report.join("report.html")).unwrap();
    let key = said.split_once("timeline of ").unwrap().1;
    let key = key.lines().next().unwrap();

    let history = std::fs::read_to_string(report.join("history.ndjson")).unwrap();
    let events: Vec<serde_json::Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let sent: Vec<&serde_json::Value> = events
        .iter()
        .filter(|event| event["type"] == "invoke" && event["key"] == key)
        .collect();
    assert!(sent.len() >= 32, "{}", sent.len());
    let mut ids: Vec<&str> = events
        .iter()
        .filter(|event| sent.iter().any(|one| one["n"] == event["n"]))
        .filter_map(|event| event["answer"]["order"]["id"].as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert!(ids.len() > 1, "{ids:?}");
    let timeline = said.split_once("timeline of ").unwrap().1;
    for id in ids {
        assert!(
            timeline.contains(&format!(r#""id":"{id}""#)),
            "{id}: {said}"
        );
        assert!(timeline.contains(&format!("stored {id} ")), "{id}: {said}");
        assert!(
            page.contains(&format!("&quot;id&quot;:&quot;{id}&quot;")),
            "{id}"
        );
    }
    // What is not drawn at once can be unfolded.
    let lanes = page
        .split("<h3>")
        .nth(1)
        .unwrap()
        .matches("class=\"track\"")
        .count();
    assert_eq!(lanes, sent.len());
    assert!(page.contains("<details>"));
}

#[tokio::test]
async fn progress_is_plain_lines_and_a_seed_repeats_the_plan() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let mut plans = Vec::new();
    for report in ["one", "two"] {
        let url = &server.urls()[0];
        let arguments = [
            "--quick",
            "--url",
            url,
            "--seed",
            "3",
            "--scenario",
            "mismatch",
            "--report",
            report,
        ];
        let output = hammer(folder.path(), &arguments).await;
        let progress = text(&output.stderr);
        assert!(
            progress.contains("hammer: mismatch: 40 cases"),
            "{progress}"
        );
        assert!(!progress.contains('\u{1b}'), "no escape sequences in a log");
        assert!(!text(&output.stdout).contains('\u{1b}'));
        plans.push(plan(&folder.path().join(report).join("history.ndjson")));
    }
    assert!(plans[0].len() > 100);
    assert_eq!(plans[0], plans[1]);
}

/// What was sent for which key, independent of the name of the run and of the order.
fn plan(history: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(history).unwrap();
    let mut sent: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["type"] == "invoke" && event["drain"] == false)
        .map(|event| {
            format!(
                "{} {} {} {}",
                event["key"], event["payload"], event["quantity"], event["fault"]
            )
        })
        .collect();
    sent.sort();
    sent
}

#[tokio::test]
async fn without_an_oracle_only_answers_can_violate() {
    let folder = tempfile::tempdir().unwrap();
    for (species, code) in [
        ("wait-and-replay", 2),
        ("no-idempotency", 1),
        ("acknowledged-not-stored", 2),
    ] {
        let server = ZooServer::open(named(species));
        let arguments = ["--quick", "--url", &server.urls()[0], "--oracle", "none"];
        let output = hammer(folder.path(), &arguments).await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{species}: {}",
            text(&output.stdout)
        );
    }
}

#[tokio::test]
async fn a_run_without_overlaps_gives_no_verdict() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "--quick",
        "--url",
        &server.urls()[0],
        "--scenario",
        "mismatch",
    ];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("duplicates overlapped for only"), "{said}");
}

#[tokio::test]
async fn an_interrupted_run_writes_its_reports() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--url", &server.urls()[0], "--report", "report"];
    let run = command(folder.path(), &arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(run.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), run.wait_with_output()).await;
    let output = ended.expect("the run ends at once").unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stdout));
    let report = json(&folder.path().join("report"));
    assert_eq!(report["interrupted"], true);
    assert_ne!(report["verdict"], "held");
    assert!(folder.path().join("report/report.html").exists());
    let output = hammer(folder.path(), &["check", "report/history.ndjson"]).await;
    assert_eq!(output.status.code(), Some(130));
}
