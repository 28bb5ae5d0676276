//! Whether connections still belong to the SQLite file at their path.
//!
//! An open connection survives the removal of its file, and writes to one that has no name any
//! more. SQLite does not notice that in WAL mode.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, UNIX_EPOCH};

/// Device and inode. An inode is not used again while a connection has it open.
type FileId = (u64, u64);

/// Follows the file at a path. Clones share what they have seen.
#[derive(Debug, Clone)]
pub(super) struct FileGuard(Arc<Guarded>);

#[derive(Debug)]
struct Guarded {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    id: FileId,
    /// No later than any connection to this file was opened.
    since: Instant,
    /// Counts the files.
    version: u64,
}

impl Seen {
    /// Whether a connection belongs to this file.
    pub(super) fn includes(&self, opened: Instant) -> bool {
        opened >= self.since
    }

    /// The number of the file, in the order in which they were seen.
    pub(super) fn version(&self) -> u64 {
        self.version
    }
}

impl FileGuard {
    /// Follows a file that exists. Call it before connections are opened.
    pub(super) fn new(path: PathBuf) -> Option<Self> {
        let seen = Mutex::new(Seen {
            id: file_id(&path)?,
            since: Instant::now(),
            version: 0,
        });
        Some(Self(Arc::new(Guarded { path, seen })))
    }

    /// The file at the path now, if there is one.
    pub(super) fn look(&self) -> Option<Seen> {
        let id = file_id(&self.0.path)?;
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.id != id {
            *seen = Seen {
                id,
                since: Instant::now(),
                version: seen.version + 1,
            };
        }
        Some(*seen)
    }

    /// A text that is another for every file that was ever at the path, and after every time that
    /// nobody had the file open: then SQLite creates the file of its shared memory anew. `None` if the
    /// file system does not say when files were created.
    pub(super) fn identity(&self) -> Option<String> {
        let path = &self.0.path;
        let mut shared_memory = path.clone().into_os_string();
        shared_memory.push("-shm");
        let mut text = String::new();
        for path in [path, &PathBuf::from(shared_memory)] {
            let metadata = std::fs::metadata(path).ok()?;
            let created = metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let (device, inode) = (metadata.dev(), metadata.ino());
            // Writing to a string cannot fail.
            let _ = write!(text, " {device} {inode} {}", created.as_nanos());
        }
        Some(text)
    }

    /// Whether the file is another than at the last look, or gone.
    pub(super) fn has_moved(&self) -> bool {
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        file_id(&self.0.path) != Some(seen.id)
    }
}

/// A system call of about a microsecond, as the file is in the kernel's cache.
fn file_id(path: &PathBuf) -> Option<FileId> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
