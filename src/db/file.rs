//! The connection of SQLite's lane, and how its log is emptied beside it.
//!
//! SQLite appends what is committed to a log (WAL) and copies the log into the file when it has
//! become long: in a commit, which then takes tens of milliseconds. Here the log is copied by a
//! connection of its own while the lane goes on, until little is missing. Only that is left to the
//! lane, with the flush of the file, which SQLite does when all has been copied; then it begins the
//! log anew (<https://sqlite.org/wal.html#ckpt>).

use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

/// The size of a page in a file that is new. A key is random, so its row changes a page of its own,
/// and the log has all of every page that was changed: half of SQLite's usual 4096 makes it not much
/// more than half as long.
pub(super) const PAGE_BYTES: u32 = 2048;

/// After how many rows the log is emptied, at first: it is 16 MB by then, or 32 if each row came
/// alone. To write where a file has been written before is faster than to make it longer.
const ROWS_MIN: usize = 4_096;

/// After how many rows it is emptied at most: it is some 250 MB by then.
const ROWS_MAX: usize = 65_536;

/// A log that was full sooner than this may become twice as long. What is written to the file is
/// flushed in one go, for which the lane waits: under load, to do it often makes many commits late.
const FULL_SOON: Duration = Duration::from_secs(2);

/// The length in pages at which SQLite empties the log itself, in a commit: if we fail to.
const PAGES_MAX: u32 = 262_144;

/// How often it is copied, at most. Each time what is missing is what was committed meanwhile.
const COPIES_MAX: usize = 8;

/// How many pages may be missing in the end: the lane copies those in some milliseconds. To come
/// nearer takes more copies, each with a flush of the log that commits wait for.
const MISSING_MAX: u32 = 4_096;

/// How nice the thread is that copies (`nice(1)`): where processors are short, commits come first,
/// and it still gets a tenth of one.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// An SQLite file that is open for writing, for the sole use of its owner. Its calls block.
#[derive(Debug)]
pub struct File {
    connection: Connection,
    /// Committed since the log was empty.
    rows: usize,
    rows_max: usize,
    /// When the log was empty.
    since: Instant,
    full_soon: Duration,
    copying: Option<JoinHandle<()>>,
}

impl File {
    /// Opens a file that is there and has a log.
    pub(super) fn open(path: &Path, lock_wait: Duration) -> rusqlite::Result<Self> {
        let connection = open(path)?;
        connection.busy_timeout(lock_wait)?;
        // An acknowledged order must survive the loss of power, not only of the process.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "wal_autocheckpoint", PAGES_MAX)?;
        Ok(Self {
            connection,
            rows: 0,
            rows_max: ROWS_MIN,
            since: Instant::now(),
            full_soon: FULL_SOON,
            copying: None,
        })
    }

    /// What statements run on.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// To be told of so many rows when they are committed.
    pub fn committed(&mut self, rows: usize) {
        self.rows += rows;
        match &self.copying {
            None if self.rows >= self.rows_max => self.copying = self.copy(),
            Some(copying) if copying.is_finished() => {
                self.copying = None;
                heard(checkpoint(&self.connection).map(drop));
                self.begin_anew();
            }
            _ => {}
        }
    }

    fn begin_anew(&mut self) {
        if self.since.elapsed() < self.full_soon {
            self.rows_max = ROWS_MAX.min(2 * self.rows_max);
        }
        self.rows = 0;
        self.since = Instant::now();
    }

    fn copy(&self) -> Option<JoinHandle<()>> {
        let path = self.connection.path()?.to_owned();
        let copying = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                be_nice();
                heard(copy(Path::new(&path)));
            });
        copying.map_err(not_emptied).ok()
    }

    pub(super) fn close(self) {
        if let Some(copying) = self.copying {
            // An error is a panic, which has been told.
            let _ = copying.join();
        }
        heard(self.connection.close().map_err(|(_, error)| error));
    }
}

/// Lowers the priority of this thread, as Linux alone can. Nobody is refused that.
fn be_nice() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
}

/// Copies the log until little is missing, or as often as is worth it.
fn copy(path: &Path) -> rusqlite::Result<()> {
    let connection = open(path)?;
    let mut copied = 0;
    for _ in 0..COPIES_MAX {
        let length = checkpoint(&connection)?;
        if length.abs_diff(copied) <= MISSING_MAX {
            break;
        }
        copied = length;
    }
    Ok(())
}

/// Copies what is in the log and waits for nobody. Returns how long the log is, in pages.
fn checkpoint(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

fn heard(result: rusqlite::Result<()>) {
    result.unwrap_or_else(not_emptied);
}

/// The log is no shorter then, and nothing is lost. What is wrong with the disk the next commit
/// will tell.
fn not_emptied(error: impl std::error::Error + 'static) {
    tracing::debug!(error = &error as &dyn std::error::Error, "log not emptied");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file and the bytes that were written to it, at a load that fills its log at once.
    fn loaded(folder: &Path, full_soon: Duration) -> (File, u64) {
        let path = folder.join("file.db");
        let schema = format!(
            "PRAGMA page_size = {PAGE_BYTES}; PRAGMA journal_mode = WAL; \
             CREATE TABLE keys (key BLOB PRIMARY KEY)"
        );
        Connection::open(&path)
            .unwrap()
            .execute_batch(&schema)
            .unwrap();
        let mut file = File::open(&path, Duration::from_secs(5)).unwrap();
        (file.rows_max, file.full_soon) = (500, full_soon);
        let (batches, batch) = (400, 50_usize);
        for _ in 0..batches {
            let txn = file.connection().transaction().unwrap();
            for _ in 0..batch {
                let key = uuid::Uuid::new_v4();
                txn.execute("INSERT INTO keys VALUES (?1)", [key.as_bytes()])
                    .unwrap();
            }
            txn.commit().unwrap();
            file.committed(batch);
            // Where processors are short the copy is late.
            let late = file.copying.as_ref();
            while late.is_some_and(|copy| file.rows > 4 * file.rows_max && !copy.is_finished()) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        (file, u64::from(PAGE_BYTES) * (batches * batch) as u64)
    }

    #[test]
    fn the_log_is_emptied_while_rows_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, written) = loaded(folder.path(), Duration::ZERO);
        let log = std::fs::metadata(folder.path().join("file.db-wal")).unwrap();
        assert!(log.len() < written / 4, "{} bytes of log", log.len());
        file.close();
        assert!(!folder.path().join("file.db-wal").exists());
        let stored: i64 = Connection::open(folder.path().join("file.db"))
            .unwrap()
            .query_row("SELECT count(*) FROM keys", [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored.unsigned_abs(), written / u64::from(PAGE_BYTES));
    }

    #[test]
    fn a_log_that_is_full_soon_becomes_longer() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = loaded(folder.path(), Duration::from_hours(1));
        assert!(file.rows_max >= 2_000, "{} rows of log", file.rows_max);
        file.close();
    }
}
