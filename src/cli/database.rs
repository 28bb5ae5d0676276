//! Which database, and how long to wait for it.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::CliError;
use crate::db::{Database, DatabaseUrl, Settings};

/// The embedded default.
const DEFAULT_FILE: &str = "./orders.db";

/// Which database, and how long to wait for it.
#[derive(Debug, Args)]
pub(super) struct DatabaseArgs {
    // Not parsed by clap, whose error messages repeat the value, password included.
    #[arg(
        long,
        help = "postgres://USER:PASSWORD@HOST/DATABASE (with ?pooler=transaction behind PgBouncer) \
                or sqlite://FILE. Without it, SQLite in ./orders.db",
        env = "DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// How long to wait for a connection
    #[arg(long, env = "ORDERS_CONNECT_TIMEOUT", default_value = "5s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    connect_timeout: Duration,
    /// How long a transaction waits for a key that another one holds, before its request is
    /// answered 409 (key in use)
    #[arg(long, env = "ORDERS_LOCK_WAIT", default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub(super) lock_wait: Duration,
    /// How long one transaction may take
    #[arg(long, env = "ORDERS_TRANSACTION_TIMEOUT", default_value = "5s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub(super) transaction_timeout: Duration,
    /// Connections for reading. Every lane has one of its own for writing besides
    #[arg(
        long,
        env = "ORDERS_READ_CONNECTIONS",
        default_value = "4",
        value_name = "NUMBER"
    )]
    read_connections: NonZeroU32,
}

/// Whether an SQLite file may come into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

impl DatabaseArgs {
    /// Connects, and says in the log where to.
    pub(super) async fn connect(&self, missing: Missing) -> Result<Database, CliError> {
        let given = self
            .database_url
            .as_deref()
            .filter(|url| !url.trim().is_empty());
        let url = match given {
            Some(url) => url.parse()?,
            None => DatabaseUrl::sqlite(Path::new(DEFAULT_FILE)),
        };
        let database = Database::connect(Settings {
            url,
            create_missing: missing == Missing::Create,
            read_connections: self.read_connections,
            connect_timeout: self.connect_timeout,
            lock_wait: self.lock_wait,
            statement_timeout: self.transaction_timeout,
        })
        .await?;
        if given.is_some() {
            tracing::info!(database = %database.url(), "connected");
        } else {
            tracing::info!("no DATABASE_URL: using SQLite in {DEFAULT_FILE}");
        }
        Ok(database)
    }
}
