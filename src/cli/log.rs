//! Logs, on stderr.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::CliError;

/// What is logged, and how.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// What to log: a level, or levels by module (`orders::access=debug` logs every request)
    #[arg(
        long = "log",
        global = true,
        env = "ORDERS_LOG",
        default_value = "warn,orders=info",
        value_name = "FILTER"
    )]
    filter: String,
    /// How to write a log line
    #[arg(
        long = "log-format",
        global = true,
        env = "ORDERS_LOG_FORMAT",
        default_value = "text"
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// A filter that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("the log filter \"{filter}\" is invalid")]
struct InvalidFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl LogArgs {
    pub(super) fn start(&self) -> Result<(), CliError> {
        let filter = EnvFilter::try_new(&self.filter).map_err(|source| InvalidFilter {
            filter: self.filter.clone(),
            source,
        })?;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
        match self.format {
            Format::Text => builder.try_init(),
            Format::Json => builder.json().flatten_event(true).try_init(),
        }
    }
}
