//! `orders hammer` through its command line: verdicts, exit codes, reports and messages.

mod carts;
mod contract;
mod forged;
mod load;
mod narrow;
mod private;
mod redis;
mod refused;
mod reports;
mod soak;
mod tls;
mod unusable;
mod workflow;

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

/// `orders hammer` with these arguments, in `folder`.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orders"));
    command
        .arg("hammer")
        .args(arguments)
        .current_dir(folder)
        .kill_on_drop(true);
    command
}

/// Runs it to its end.
async fn hammer(folder: &Path, arguments: &[&str]) -> Output {
    let output = command(folder, arguments).output();
    let output = tokio::time::timeout(Duration::from_secs(90), output).await;
    output.expect("the hammer ends").unwrap()
}

/// Reads the `report.json` in `folder`.
fn json(folder: &Path) -> serde_json::Value {
    let text = std::fs::read(folder.join("report.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
