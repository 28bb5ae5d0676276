//! An online copy of an SQLite database.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use uuid::Uuid;

use super::{ConnectError, Database};

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has better tools of its own.
    #[error(
        "orders backup copies SQLite databases only: back PostgreSQL up with pg_dump or \
         pg_basebackup"
    )]
    NotSqlite,
    /// A backup never replaces a file.
    #[error("{} exists already, a backup does not overwrite it", .0.display())]
    Exists(PathBuf),
    /// The path names no file.
    #[error("{} is not the name of a file", .0.display())]
    NotAFile(PathBuf),
    /// No connection to the database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database cannot be copied.
    #[error("cannot copy the database to {}", .file.display())]
    Copy {
        /// The backup.
        file: PathBuf,
        /// Why it failed.
        source: DbErr,
    },
    /// The backup cannot be written.
    #[error("cannot write {}", .file.display())]
    Write {
        /// The backup.
        file: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// A copy that is being made of an SQLite database, while it is in use.
#[derive(Debug)]
pub struct Backup {
    database: Database,
    file: PathBuf,
    /// Its hidden name until it is complete.
    partial: PathBuf,
}

impl Database {
    /// A backup to a new file. Writes nothing yet.
    pub fn backup(&self, file: &Path) -> Result<Backup, BackupError> {
        if self.backend() != DbBackend::Sqlite {
            return Err(BackupError::NotSqlite);
        }
        let name = file.file_name();
        let name = name.ok_or_else(|| BackupError::NotAFile(file.to_owned()))?;
        if file.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(file.to_owned()));
        }
        let partial = format!(
            ".{}.{}.partial",
            name.to_string_lossy(),
            Uuid::now_v7().simple()
        );
        Ok(Backup {
            database: self.clone(),
            file: file.to_owned(),
            partial: file.with_file_name(partial),
        })
    }
}

impl Backup {
    /// Copies the state of one moment. The file appears once it is complete and on disk. Returns its
    /// size in bytes.
    pub async fn run(&self) -> Result<u64, BackupError> {
        let copied = match self.copy().await {
            Ok(()) => publish(&self.partial, &self.file),
            Err(error) => Err(error),
        };
        // Its other name stays if the backup is complete.
        let _ = fs::remove_file(&self.partial);
        copied
    }

    /// How much is written so far, in bytes.
    #[must_use]
    pub fn written(&self) -> u64 {
        fs::metadata(&self.partial).map_or(0, |partial| partial.len())
    }

    async fn copy(&self) -> Result<(), BackupError> {
        // VACUUM INTO copies one snapshot, and blocks no writer: the database is in WAL mode.
        let path = self.partial.to_string_lossy().into_owned();
        let copy =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]);
        let connection = self.database.connection().await?;
        let copied = connection.execute_raw(copy).await;
        copied.map(drop).map_err(|source| BackupError::Copy {
            file: self.file.clone(),
            source,
        })
    }
}

/// Gives a complete file its name, unless the name was taken meanwhile.
fn publish(partial: &Path, file: &Path) -> Result<u64, BackupError> {
    let written = || {
        // SQLite does not sync what VACUUM INTO writes.
        let copy = File::open(partial)?;
        copy.sync_all()?;
        // Unlike a rename, a link never replaces a file.
        fs::hard_link(partial, file)?;
        let directory = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()?;
        Ok(copy.metadata()?.len())
    };
    written().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.to_owned()),
        _ => BackupError::Write {
            file: file.to_owned(),
            source,
        },
    })
}
