//! `orders backup`

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::database::{DatabaseArgs, Missing};
use super::{CliError, Status, print, progress};

/// Arguments of `orders backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to create; an existing one is not overwritten
    file: PathBuf,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl BackupArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        let database = self.database.connect(Missing::Refuse).await?;
        let copy = database.backup(&self.file);
        let doing = format!("copying to {}", self.file.display());
        let bytes = progress::shown(&doing, || self.written(), copy).await?;
        print(&format!("{} ({bytes} bytes)\n", self.file.display()))?;
        Ok(Status::Done)
    }

    /// The size of the copy so far, which has a hidden name beside the file until it is complete.
    fn written(&self) -> String {
        let Some(name) = self.file.file_name() else {
            return String::new();
        };
        let prefix = format!(".{}.", name.to_string_lossy());
        let directory = match self.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let partial = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(&prefix) && name.ends_with(".partial")
        });
        let sizes = partial.filter_map(|entry| Some(entry.metadata().ok()?.len()));
        let bytes = sizes.max().unwrap_or(0);
        format!(", {} MB written", bytes / 1_000_000)
    }
}
