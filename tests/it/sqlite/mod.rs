//! Failures of the SQLite file: locked, out of space, read-only, corrupt. The error names the cause
//! and the file, a failure that time can mend is answered 503, and no acknowledged order is lost.

mod busy;
mod corrupt;
mod full;
mod read_only;

use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Acknowledged, Backend, Client, TestDatabase};

/// A database with the schema, and its file, which no process has open.
async fn database() -> (TestDatabase, PathBuf) {
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    close(&database).await;
    let path = file(&database);
    (database, path)
}

/// Waits until no process has the file open: the last one to close it removes the log.
async fn close(database: &TestDatabase) {
    let log = PathBuf::from(format!("{}-wal", file(database).display()));
    for _ in 0..100 {
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        if !log.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("a process has the file open: {}", log.display());
}

fn file(database: &TestDatabase) -> PathBuf {
    database.url.trim_start_matches("sqlite://").into()
}

/// Standard error has one line, and perhaps a hint after it.
#[track_caller]
fn assert_one_error(stderr: &str, what: &str) {
    let errors = stderr.lines().filter(|line| !line.starts_with("hint: "));
    assert_eq!(errors.count(), 1, "{what}");
}

/// Every acknowledged order is replayed, and there are no others.
async fn assert_kept(acknowledged: &Acknowledged, client: &Client, database: &TestDatabase) {
    acknowledged.assert_replayed(client).await;
    let orders = i64::try_from(acknowledged.len()).unwrap();
    assert_eq!(database.orders().await, orders);
}

/// Copies the environment of a command for `orders` to a command that starts it.
fn inherit(command: &mut Command, orders: &Command) {
    for (name, value) in orders.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
