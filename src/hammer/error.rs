//! Why a run or a check has no verdict at all.

use std::io;
use std::path::PathBuf;

use super::fault::ProcessError;
use super::history::HistoryError;

/// Why a run or a check ended without a verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A private instance does not run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A report or the history cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file that cannot be written.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
