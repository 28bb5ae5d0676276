//! `examples/carts` keeps its contract `examples/carts.toml`, killed or not.

use std::path::Path;

use super::{hammer, json, text};
use crate::examples::program;
use crate::harness::{Backend, TestDatabase};

async fn judge(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    let folder = tempfile::tempdir().unwrap();
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/carts.toml");
    let program = program("carts");
    let spawned = format!(
        "DATABASE_URL='{}' exec '{}'",
        database.url,
        program.display()
    );
    let oracle = format!("db:{}", database.url);
    let service = [
        "--spawn",
        &spawned,
        "--contract",
        contract.to_str().unwrap(),
        "--strict",
        "--oracle",
        "api",
        "--oracle",
        &oracle,
        "--report",
        "report",
    ];
    let scenarios = [
        "contract",
        "kill",
        "across",
        "mismatch-race",
        "same-json",
        "lost-answer",
    ];
    let scenarios = scenarios.iter().flat_map(|name| ["--scenario", name]);
    let arguments: Vec<&str> = service.into_iter().chain(scenarios).collect();
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = json(&folder.path().join("report"));
    assert_eq!(report["verdict"], "held");
    for row in [
        "kills with requests in flight",
        "keys whose requests overlapped on different instances",
    ] {
        let rows = report["coverage"].as_array().unwrap();
        let seen = rows.iter().find(|one| one["seen"] == row);
        assert!(
            seen.is_some_and(|one| one["count"].as_u64() > Some(0)),
            "{row}: {rows:?}"
        );
    }
    let lines = database
        .count("SELECT count(*) FROM cart_order_lines")
        .await;
    let orders = database.count("SELECT count(*) FROM cart_orders").await;
    let events = database.count("SELECT count(*) FROM outbox").await;
    assert_eq!((lines, events), (2 * orders, orders));
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_keeps_its_contract_on_sqlite() {
    judge(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carts_keeps_its_contract_on_postgres() {
    judge(Backend::Postgres).await;
}
