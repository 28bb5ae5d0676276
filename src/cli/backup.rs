//! `orders backup`

use std::path::PathBuf;

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
        let backup = database.backup(&self.file)?;
        let doing = format!("copying to {}", self.file.display());
        let detail = || format!(", {} MB written", backup.written() / 1_000_000);
        let bytes = progress::shown(&doing, detail, backup.run()).await?;
        print(&format!("{} ({bytes} bytes)\n", self.file.display()))?;
        Ok(Status::Done)
    }
}
