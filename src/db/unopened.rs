//! Why an SQLite file cannot be opened: the driver says "unable to open database file" to all of it.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;

use super::DatabaseUrl;

/// Why an SQLite file cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// There is no file, and none was to be created.
    #[error("the file does not exist, orders migrate up creates it")]
    Missing,
    /// There is no directory to create the file in.
    #[error("the directory {} does not exist", .0.display())]
    NoDirectory(PathBuf),
    /// The path is that of a directory.
    #[error("it is a directory, name a file")]
    Directory,
    /// The permissions of the file or of a directory forbid it.
    #[error("permission denied")]
    Forbidden,
}

impl FileProblem {
    /// Looks at the file of a URL that could not be opened.
    pub(super) fn find(url: &DatabaseUrl, create_missing: bool) -> Option<Self> {
        let options = SqliteConnectOptions::from_str(url.reveal()).ok()?;
        let path = options.get_filename();
        match path.metadata() {
            Ok(found) if found.is_dir() => Some(Self::Directory),
            Ok(_) => is_forbidden(path).then_some(Self::Forbidden),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Some(Self::Forbidden),
            Err(error) if error.kind() != ErrorKind::NotFound => None,
            Err(_) => {
                let directory = directory(path);
                if !directory.is_dir() {
                    Some(Self::NoDirectory(directory.to_owned()))
                } else if create_missing {
                    Some(Self::Forbidden)
                } else {
                    Some(Self::Missing)
                }
            }
        }
    }
}

fn is_forbidden(path: &Path) -> bool {
    let opened = File::open(path);
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// The directory of a file; a bare name is in the working directory.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}
