//! The commands of the service and its database, which exist with the feature `serve`.

use clap::Subcommand;

use super::log::AccessLogArgs;
use super::{CliError, Status, backup, consume, migrate, openapi, relay, serve, sweep, token};

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Serve the HTTP API
    Serve(Box<serve::ServeArgs>),
    /// Publish the events of orders, as serve does with --events
    Relay(relay::RelayArgs),
    /// Place the orders that a Kafka topic commands
    Consume(Box<consume::ConsumeArgs>),
    /// Migrate the database schema, or show its status
    Migrate(migrate::MigrateArgs),
    /// Delete expired answers of keys, as serve does by itself
    Sweep(sweep::SweepArgs),
    /// Create, list and revoke the tokens of tenants
    Token(token::TokenArgs),
    /// Copy an SQLite database to a file while it is in use
    Backup(backup::BackupArgs),
    /// Print the OpenAPI document as JSON or YAML
    Openapi(openapi::OpenapiArgs),
}

impl ServiceCommand {
    pub(super) async fn run(self) -> Result<Status, CliError> {
        match self {
            Self::Serve(args) => args.run().await,
            Self::Relay(args) => args.run().await,
            Self::Consume(args) => args.run().await,
            Self::Migrate(args) => args.run().await,
            Self::Sweep(args) => args.run().await,
            Self::Token(args) => args.run().await,
            Self::Backup(args) => args.run().await,
            Self::Openapi(args) => args.run(),
        }
    }

    /// Whether requests are logged.
    pub(super) fn access_log(&self) -> AccessLogArgs {
        match self {
            Self::Serve(args) => args.access_log,
            Self::Consume(args) => args.access_log,
            _ => AccessLogArgs::default(),
        }
    }
}
