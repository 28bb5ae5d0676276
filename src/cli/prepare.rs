//! What commands that write orders do before: wait for the database, migrate it, check it.

use std::time::{Duration, Instant};

use clap::Args;

use super::database::{Missing, ServedDatabaseArgs};
use super::{CliError, parse};
use crate::chain::Chain;
use crate::db::{ConnectError, Database};

/// How often a database that is not up is tried at start.
const WAIT_PAUSE: Duration = Duration::from_millis(500);

/// How a database is prepared.
#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// How long to wait at start for a database that is not up yet
    #[arg(long, env = "ORDERS_WAIT_FOR_DATABASE", default_value = "0s", value_parser = parse::duration, value_name = "DURATION")]
    wait_for_database: Duration,
    /// Refuse to start on an outdated schema instead of migrating it
    #[arg(long, env = "ORDERS_NO_MIGRATE")]
    pub(super) no_migrate: bool,
}

/// The schema must be migrated first.
#[derive(Debug, thiserror::Error)]
#[error(
    "the schema is outdated ({0} pending): run orders migrate up, or start without --no-migrate"
)]
struct Outdated(usize);

impl PrepareArgs {
    /// Connects, migrates, and checks that orders can be written.
    pub(super) async fn database(&self, args: &ServedDatabaseArgs) -> Result<Database, CliError> {
        let database = self.wait_for(args).await?;
        self.migrate(&database).await?;
        database.check_writable().await?;
        Ok(database)
    }

    async fn wait_for(&self, args: &ServedDatabaseArgs) -> Result<Database, CliError> {
        let deadline = Instant::now() + self.wait_for_database;
        let mut waiting = false;
        loop {
            let error = match args.connect(Missing::Create).await {
                Ok(database) => return Ok(database),
                Err(error) => error,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            let connect = error.downcast_ref::<ConnectError>();
            if left.is_zero() || !connect.is_some_and(ConnectError::may_pass) {
                return Err(error);
            }
            if !waiting {
                tracing::warn!(error = %Chain(error.as_ref()), "waiting for the database");
                waiting = true;
            }
            tokio::time::sleep(left.min(WAIT_PAUSE)).await;
        }
    }

    async fn migrate(&self, database: &Database) -> Result<(), CliError> {
        let schema = database.schema();
        if self.no_migrate {
            return match schema.pending().await?.len() {
                0 => Ok(()),
                pending => Err(Outdated(pending).into()),
            };
        }
        for name in schema.up().await? {
            tracing::info!("applied migration {name}");
        }
        Ok(())
    }
}

/// Two limits of time contradict each other.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} ({}) must be shorter than {} ({})",
    .shorter.0, humantime::format_duration(.shorter.1),
    .longer.0, humantime::format_duration(.longer.1)
)]
pub(super) struct TimeoutOrder {
    shorter: (&'static str, Duration),
    longer: (&'static str, Duration),
}

/// Each timeout must be shorter than the one around it, the next: otherwise requests get the wrong
/// error.
pub(super) fn check_timeouts(timeouts: &[(&'static str, Duration)]) -> Result<(), TimeoutOrder> {
    match timeouts.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
        Some(pair) => Err(TimeoutOrder {
            shorter: pair[0],
            longer: pair[1],
        }),
        None => Ok(()),
    }
}
