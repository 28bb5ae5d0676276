//! Load mode: results, the generator's ceiling, and thresholds.

use super::{hammer, text};
use crate::zoo::{ZooServer, named};

#[tokio::test]
async fn the_planned_rate_is_kept_and_thresholds_decide() {
    let server = ZooServer::open(named("wait-and-replay"));
    let folder = tempfile::tempdir().unwrap();
    let url = &server.urls()[0];
    let short = [
        "--duration",
        "1s",
        "--warmup",
        "200ms",
        "--connections",
        "8",
        "--rate",
        "200",
    ];
    let load = [
        &[
            "--load",
            "--url",
            url,
            "--replays",
            "50",
            "--report",
            "report",
        ],
        &short[..],
    ]
    .concat();
    let output = hammer(
        folder.path(),
        &[&load[..], &["--assert", "errors==0"]].concat(),
    )
    .await;
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("latency from planned time") && said.contains("generator ceiling"),
        "{said}"
    );
    let report = std::fs::read(folder.path().join("report/load.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let rps = report["rps"].as_f64().unwrap();
    assert!((150.0..=210.0).contains(&rps), "{rps}");
    let (created, replayed) = (
        report["created"].as_u64().unwrap(),
        report["replayed"].as_u64().unwrap(),
    );
    assert!(created.abs_diff(replayed) < 40, "{created} {replayed}");
    assert!(report["generator_ceiling_rps"].as_f64().unwrap() > 500.0);

    let output = hammer(
        folder.path(),
        &[&load[..], &["--assert", "p50<0.001ms"]].concat(),
    )
    .await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let output = hammer(
        folder.path(),
        &[&load[..], &["--assert", "p98<1ms"]].concat(),
    )
    .await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
}

#[tokio::test]
async fn a_target_that_is_down_gives_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let arguments = [
        "--load",
        "--url",
        &url,
        "--duration",
        "1s",
        "--warmup",
        "0s",
    ];
    let output = hammer(folder.path(), &arguments).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
}
