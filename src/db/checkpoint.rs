//! Copies SQLite's write-ahead log into the database file beside the commits.
//!
//! SQLite does this inside the commit that makes the log long enough, which then takes tens of
//! milliseconds (<https://sqlite.org/wal.html#ckpt>). A task with a connection of its own copies
//! most of the log beforehand, so that little is left for that commit.

use std::time::Duration;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::chain::Chain;

/// The length in pages at which a commit copies what is left: 256 MiB. Writing where a file was
/// written before is faster than making it longer.
const PAGES_MAX: i64 = 131_072;

/// The length from which the log is copied under load. Earlier copies would copy the same page
/// again and again.
const PAGES_LONG: i64 = PAGES_MAX / 4 * 3;

/// The length from which the log is copied when there is little load: 8 MiB.
const PAGES_SHORT: i64 = 4_096;

/// The most pages that are left for a commit. It copies them within milliseconds.
const PAGES_LEFT: i64 = 4_096;

/// How often the length is read.
const INTERVAL: Duration = Duration::from_millis(50);

/// The growth within an interval up to which the load is little.
const LITTLE_LOAD: i64 = 512;

/// How often the log is copied in a row: each copy leaves what was committed meanwhile.
const COPIES_MAX: usize = 8;

/// Makes commits checkpoint as late as this module expects.
pub(super) fn options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.pragma("wal_autocheckpoint", PAGES_MAX.to_string())
}

/// Copies the log until it is closed or dropped.
#[derive(Debug)]
pub(super) struct Checkpointer {
    connection: DatabaseConnection,
    task: JoinHandle<()>,
}

impl Checkpointer {
    pub(super) fn start(connection: DatabaseConnection) -> Self {
        let task = tokio::spawn(run(connection.clone()));
        Self { connection, task }
    }

    /// Waits for a copy that is under way.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.task.abort();
        self.connection.close_by_ref().await
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(connection: DatabaseConnection) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut length = 0;
    loop {
        interval.tick().await;
        match watch(&connection, length).await {
            Ok(now) => length = now,
            // Nothing is lost: a commit copies the log and reports what is wrong with the disk.
            Err(error) => {
                tracing::debug!(error = %Chain(&error), "log not copied");
            }
        }
    }
}

/// Copies the log if that is due. Returns its length, given the one an interval ago.
async fn watch(connection: &DatabaseConnection, before: i64) -> Result<i64, DbErr> {
    let log = checkpoint(connection, "NOOP").await?;
    let due = if log.length - before <= LITTLE_LOAD {
        PAGES_SHORT
    } else {
        PAGES_LONG
    };
    if log.left() >= PAGES_SHORT && log.length >= due {
        for _ in 0..COPIES_MAX {
            if checkpoint(connection, "PASSIVE").await?.left() <= PAGES_LEFT {
                break;
            }
        }
    }
    Ok(log.length)
}

/// The state of the log, in pages.
struct Log {
    length: i64,
    copied: i64,
}

impl Log {
    fn left(&self) -> i64 {
        self.length - self.copied
    }
}

/// Runs a checkpoint that waits for nobody.
async fn checkpoint(connection: &DatabaseConnection, mode: &str) -> Result<Log, DbErr> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let row = connection.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("state of the log".to_owned()))?;
    Ok(Log {
        length: row.try_get_by_index::<i32>(1)?.into(),
        copied: row.try_get_by_index::<i32>(2)?.into(),
    })
}
