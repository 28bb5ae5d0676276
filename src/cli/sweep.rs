//! `orders sweep`

use clap::Args;

use super::database::{DatabaseArgs, Missing};
use super::retention::RetentionArgs;
use super::{CliError, Status, print, progress};
use crate::idempotency::Sweeper;

/// Arguments of `orders sweep`.
#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    retention: RetentionArgs,
}

impl SweepArgs {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        let retention = self.retention.retention()?;
        let database = self.database.connect(Missing::Refuse).await?;
        let sweeper = Sweeper::new(database, retention);
        let swept = progress::shown("sweeping expired keys", String::new, sweeper.sweep()).await?;
        print(&format!(
            "expired answers deleted: {}\nexpired tombstones deleted: {}\n",
            swept.answers, swept.tombstones
        ))?;
        Ok(Status::Done)
    }
}
