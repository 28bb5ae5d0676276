//! Designs that tutorials teach, rebuilt on a real PostgreSQL, each with its own contract.
//!
//! The hammer judges them through its command line, by `--contract` alone.

mod database;
mod designs;
mod handler;
mod table;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::harness::{Backend, TestDatabase};
use designs::Design;
pub(super) use designs::named;
pub(super) use handler::serve;
pub(super) use table::table;

/// What the hammer found.
struct Judged {
    code: Option<i32>,
    said: String,
    report: Value,
    history: Vec<Value>,
}

fn contract(design: &Design) -> PathBuf {
    let contracts = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/zoo/published/contracts"
    );
    Path::new(contracts).join(format!("{}.toml", design.name))
}

/// Judges a design with `--quick`, or, if it survives that, while it is killed.
async fn judge(design: &'static Design, seed: u64) -> Judged {
    let database = TestDatabase::create(Backend::Postgres).await;
    database::create_tables(&database.url).await;
    let folder = tempfile::tempdir().unwrap();
    let (contract, seed) = (contract(design).display().to_string(), seed.to_string());
    let mut arguments = vec![
        "--contract",
        &contract,
        "--seed",
        &seed,
        "--report",
        "report",
    ];
    let spawned = format!(
        "ZOO_SPECIES={} ZOO_DATABASE='{}' '{}' --exact zoo::durable::serve --ignored --nocapture; true",
        design.name,
        database.url,
        std::env::current_exe().unwrap().display()
    );
    let mut server = None;
    let url;
    if design.needs_kills {
        let kill = [
            "--spawn",
            &spawned,
            "--scenario",
            "kill",
            "--instances",
            "1",
        ];
        arguments.extend(kill);
    } else {
        let (address, task) = handler::listen(design, &database.url, 0).await;
        server = Some(task);
        url = format!("http://{address}");
        arguments.extend(["--quick", "--url", &url]);
    }
    let judged = run(folder.path(), &arguments).await;
    if let Some(server) = server {
        server.abort();
    }
    database.drop().await;
    judged
}

async fn run(folder: &Path, arguments: &[&str]) -> Judged {
    let output = Command::new(env!("CARGO_BIN_EXE_orders"))
        .arg("hammer")
        .args(arguments)
        .current_dir(folder)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_mins(2), output).await;
    let output = output.expect("the hammer ends").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    let read = |name| std::fs::read_to_string(folder.join("report").join(name)).unwrap_or_default();
    let lines = read("history.ndjson");
    Judged {
        code: output.status.code(),
        report: serde_json::from_str(&read("report.json")).unwrap_or_default(),
        history: lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        said,
    }
}

/// The names of the violated invariants.
fn violated(judged: &Judged) -> Vec<&str> {
    let violations = judged.report["violations"].as_array().into_iter().flatten();
    let mut names: Vec<&str> = violations
        .filter_map(|one| one["invariant"].as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

async fn expect(name: &str) {
    let design = named(name).unwrap();
    let mut last = String::new();
    // On a machine that is busy with other tests, a run may not observe enough.
    for seed in 1..=3 {
        let judged = judge(design, seed).await;
        let found = violated(&judged);
        match design.wrong {
            None => assert_ne!(judged.code, Some(1), "{name}: {}", judged.said),
            Some(invariant) if judged.code == Some(1) => {
                return assert!(found.contains(&invariant), "{name}: {}", judged.said);
            }
            Some(_) => {}
        }
        if judged.code == Some(0) && design.wrong.is_none() {
            return;
        }
        last = judged.said;
    }
    panic!("{name}: {last}");
}

macro_rules! designs {
    ($($test:ident $name:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            expect($name).await;
        }
    )*};
}

designs! {
    select_for_update_locks_no_row_that_does_not_exist "select-for-update";
    reserve_first_holds "reserve-first";
    a_lock_with_expiry_makes_a_second_order "lock-with-expiry";
    an_early_return_loses_its_race "early-return";
    a_killed_middleware_never_answers_its_key_again "middleware";
}
