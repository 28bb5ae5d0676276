//! `examples/payments`, the service that `docs/hammer.md` judges: wrong first, then mended.

use std::process::Command;

use orders::hammer::Contract;
use serde_json::Value;

use super::{pages, read, root};

/// The exit status of the hammer and the invariants that it found violated.
fn judge(server: &str, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let spawn = format!("exec node examples/payments/server.mjs {server}");
    let output = Command::new(env!("CARGO_BIN_EXE_orders"))
        .args(["hammer", "--contract", "examples/payments/contract.toml"])
        .args(["--instances", "1", "--spawn", &spawn, "--report"])
        .arg(folder.path())
        .args(more)
        .current_dir(root())
        .output()
        .unwrap();
    let report = std::fs::read(folder.path().join("report.json"));
    let report: Value = serde_json::from_slice(&report.unwrap_or_default()).unwrap_or_default();
    let violations = report["violations"].as_array().into_iter().flatten();
    let names = violations.filter_map(|one| Some(one["invariant"].as_str()?.to_owned()));
    let code = output.status.code();
    assert!(code != Some(2) || !report.is_null(), "{output:?}");
    (code, names.collect())
}

#[test]
fn the_naive_service_is_convicted() {
    let (code, violated) = judge("", &["--quick"]);
    assert_eq!(code, Some(1), "{violated:?}");
    assert!(
        violated.iter().any(|name| name == "one-order"),
        "{violated:?}"
    );
}

#[test]
fn the_mended_service_holds_until_it_is_killed() {
    // A busy machine may leave no time for enough evidence.
    let mut held = judge("mended", &["--quick"]);
    for _ in 0..2 {
        if held.0 == Some(2) {
            held = judge("mended", &["--quick"]);
        }
    }
    assert_eq!(held, (Some(0), Vec::new()));
    let (code, violated) = judge("mended", &["--scenario", "kill"]);
    assert_eq!(code, Some(1), "{violated:?}");
    assert!(
        violated.iter().any(|name| name == "acknowledged-is-stored"),
        "{violated:?}"
    );
}

#[test]
fn the_page_shows_the_real_contract() {
    let (page, contract) = (
        read("docs/hammer.md"),
        read("examples/payments/contract.toml"),
    );
    let (_, contract) = contract.split_once('\n').unwrap();
    assert!(
        page.contains(&format!("```toml\n{contract}```")),
        "{contract}"
    );
}

#[test]
fn the_contracts_of_the_page_can_be_read_and_the_first_is_ours() {
    let page = pages()
        .into_iter()
        .find(|page| page.path == "docs/hammer.md")
        .unwrap();
    let contracts = page.blocks().filter(|block| block.language == "toml");
    let contracts: Vec<Contract> = contracts.map(|block| block.text.parse().unwrap()).collect();
    assert_eq!(contracts.len(), 2);
    assert!(contracts.contains(&Contract::ORDERS.parse().unwrap()));
}
