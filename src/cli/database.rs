//! Arguments of every command that uses a database.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::{CliError, parse};
use crate::db::{Database, DatabaseUrl, Settings};

/// The SQLite file that is used without a URL.
const DEFAULT_FILE: &str = "./orders.db";

/// The database, and how long to wait for it.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    // Not parsed by clap, whose error messages repeat the value, with the password.
    #[arg(
        long,
        help = "postgres:// or sqlite:// URL of the database [default: sqlite://./orders.db]",
        long_help = "URL of the database [default: sqlite://./orders.db]\n\n\
                     postgres://USER:PASSWORD@HOST/DATABASE or sqlite://FILE. \
                     Behind PgBouncer in transaction mode, add ?pooler=transaction",
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// Time limit for opening a database connection
    #[arg(long, env = "ORDERS_CONNECT_TIMEOUT", default_value = "5s", value_parser = parse::duration, value_name = "DURATION")]
    connect_timeout: Duration,
}

/// The database of a server: also its connections and the limits of its transactions.
#[derive(Debug, Args)]
pub(super) struct ServedDatabaseArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// How long to wait for a key that another transaction holds; then 409
    #[arg(long, env = "ORDERS_LOCK_WAIT", default_value = "2s", value_parser = parse::duration, value_name = "DURATION")]
    pub(super) lock_wait: Duration,
    /// Time limit for one transaction
    #[arg(long, env = "ORDERS_TRANSACTION_TIMEOUT", default_value = "5s", value_parser = parse::duration, value_name = "DURATION")]
    pub(super) transaction_timeout: Duration,
    /// Connections for reads, in addition to up to two per lane
    #[arg(
        long,
        env = "ORDERS_READ_CONNECTIONS",
        default_value = "4",
        value_parser = parse::at_least_one::<NonZeroU32>,
        value_name = "NUMBER"
    )]
    read_connections: NonZeroU32,
}

/// Whether a missing SQLite file is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

/// A URL without a character, as from a secret that was never set.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database URL is empty: set DATABASE_URL (or --database-url), or unset it to use SQLite \
     in {DEFAULT_FILE}"
)]
struct EmptyUrl;

impl DatabaseArgs {
    /// Connects, and logs the URL without its password.
    pub(super) async fn connect(&self, missing: Missing) -> Result<Database, CliError> {
        self.connect_with(self.settings(missing)?).await
    }

    fn settings(&self, missing: Missing) -> Result<Settings, CliError> {
        let url = match self.database_url.as_deref().map(str::trim) {
            Some("") => return Err(EmptyUrl.into()),
            Some(url) => url.parse()?,
            None => DatabaseUrl::sqlite(Path::new(DEFAULT_FILE)),
        };
        Ok(Settings {
            create_missing: missing == Missing::Create,
            connect_timeout: self.connect_timeout,
            ..Settings::new(url)
        })
    }

    async fn connect_with(&self, settings: Settings) -> Result<Database, CliError> {
        let database = Database::connect(settings).await?;
        if self.database_url.is_some() {
            tracing::info!(database = %database.url(), "connected");
        } else {
            tracing::info!("DATABASE_URL is not set, using SQLite in {DEFAULT_FILE}");
        }
        Ok(database)
    }
}

impl ServedDatabaseArgs {
    /// Connects, and logs the URL without its password.
    pub(super) async fn connect(&self, missing: Missing) -> Result<Database, CliError> {
        let settings = Settings {
            read_connections: self.read_connections,
            lock_wait: self.lock_wait,
            statement_timeout: self.transaction_timeout,
            ..self.database.settings(missing)?
        };
        self.database.connect_with(settings).await
    }
}
