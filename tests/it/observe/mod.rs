//! What an operator sees: logs, metrics, probes, and the dashboard and alerts made of them.

mod dashboards;
mod logs;
mod metrics;
mod probes;
mod traces;

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Backend, Process, TestDatabase};
pub(crate) use metrics::Page;

/// Short time limits.
const LIMITS: [&str; 4] = [
    "--request-timeout=1500ms",
    "--transaction-timeout=1s",
    "--lock-wait=500ms",
    "--connect-timeout=500ms",
];

/// `orders serve` with its log as JSON in a pipe.
fn logged(database: &TestDatabase, flags: &[&str]) -> Command {
    let mut command = Process::serving(database);
    command
        .env("ORDERS_LOG", "warn,orders=info")
        .args(["--log-format", "json"])
        .args(LIMITS)
        .args(flags)
        .stderr(Stdio::piped());
    command
}

/// The lines of a log.
fn lines(log: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    log.lines().map(line).collect()
}

/// Makes the database reject orders of the item `poison`.
pub(crate) async fn reject_poison(database: &TestDatabase) {
    let statement = match database.backend {
        Backend::Postgres => "ALTER TABLE orders ADD CONSTRAINT poison CHECK (item <> 'poison')",
        Backend::Sqlite => {
            "CREATE TRIGGER poison BEFORE INSERT ON orders WHEN NEW.item = 'poison' \
             BEGIN SELECT RAISE(ABORT, 'violates poison'); END"
        }
    };
    database.execute(statement).await;
}
