//! More than it can take: thousands of clients, clients that dawdle, a database that dawdles, and
//! being told to stop in the middle of it. It refuses early, stays small, and recovers.

mod load;
mod shutdown;
mod slow_clients;
mod slow_database;

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::Mutex;
use uuid::Uuid;

use self::load::Told;
use crate::harness::{Backend, Process, TestDatabase};

/// Held by each of these tests: two storms at once would measure each other.
static ALONE: Mutex<()> = Mutex::const_new(());

/// File descriptors for the clients of one test and some more.
fn many_files() {
    let files = rlimit::increase_nofile_limit(16_384).unwrap();
    assert!(files >= 4_096, "only {files} open files (ulimit -n)");
}

async fn database(backend: Backend) -> TestDatabase {
    many_files();
    let database = TestDatabase::create(backend).await;
    database.connect().await.schema().up().await.unwrap();
    database
}

/// The order of every key.
async fn stored(database: &TestDatabase) -> HashMap<String, Uuid> {
    let sql = database.sql().await;
    let query = "SELECT key, resource FROM idempotency_keys";
    let statement = Statement::from_string(sql.get_database_backend(), query);
    let rows = sql.query_all_raw(statement).await.unwrap();
    let stored = rows
        .iter()
        .map(|row| {
            let key = row.try_get_by_index(0).unwrap();
            (key, row.try_get_by_index(1).unwrap())
        })
        .collect();
    sql.close().await.unwrap();
    stored
}

/// Every order that anybody was told of is stored under its key.
async fn assert_stored(database: &TestDatabase, told: &Told) {
    let stored = stored(database).await;
    for (key, id) in told.acknowledged() {
        assert_eq!(stored.get(&key), Some(&id), "{key} was acknowledged");
    }
    database.assert_promise().await;
}

/// The most memory the process has had so far, in megabytes.
fn memory_peak(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() / 1024
}

/// How many files the process has open, connections among them.
fn open_files(server: &Process) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id()));
    open.unwrap().count()
}

async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
