//! SQLite's file: busy, out of room, read-only, corrupt. The errors say what and where, 503 asks
//! for another try where time helps, and nothing that was acknowledged is lost.

mod busy;
mod corrupt;
mod full;
mod read_only;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use bytes::Bytes;

use crate::harness::{Backend, Client, TestDatabase, order};

/// What clients were told, by key.
#[derive(Default)]
struct Acknowledged(BTreeMap<String, Bytes>);

impl Acknowledged {
    /// Every one of them is replayed, byte for byte, and there are no others.
    async fn assert_kept(&self, client: &Client, database: &TestDatabase) {
        for (key, body) in &self.0 {
            let replay = client.place(key, order(key, 1)).await.expect(200);
            assert_eq!(replay.body, body, "{key}");
        }
        assert_eq!(
            database.orders().await,
            i64::try_from(self.0.len()).unwrap()
        );
    }
}

/// A database with its schema, and its file, which nobody has open.
async fn database() -> (TestDatabase, PathBuf) {
    let database = TestDatabase::create(Backend::Sqlite).await;
    let connected = database.connect().await;
    connected.schema().up().await.unwrap();
    drop(connected);
    close(&database).await;
    let path = file(&database);
    (database, path)
}

/// Brings everything from the log into the file. The last connection to close removes the log.
async fn close(database: &TestDatabase) {
    let path = file(database);
    let log = PathBuf::from(format!("{}-wal", path.display()));
    for _ in 0..100 {
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").await;
        if !log.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("somebody has it open: {}", log.display());
}

fn file(database: &TestDatabase) -> PathBuf {
    database.url.trim_start_matches("sqlite://").into()
}

/// Gives a command that starts `orders` its environment.
fn inherit(command: &mut Command, orders: &Command) {
    for (name, value) in orders.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
