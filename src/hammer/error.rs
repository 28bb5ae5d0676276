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
    /// An instance accepts no connection.
    #[error("no connection to {url}, {hint}")]
    Unreachable {
        /// The URL of the instance.
        url: String,
        /// What may help.
        hint: &'static str,
        /// How connecting failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An oracle cannot be read.
    #[error("cannot read the stored orders through --oracle {oracle}: {reason}; {hint}")]
    Oracle {
        /// The name of the oracle.
        oracle: &'static str,
        /// Why it cannot be read.
        reason: String,
        /// What else can be passed.
        hint: &'static str,
    },
    /// A report or the history cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file that cannot be written.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
