//! Logging to stderr.

use std::io::{self, IsTerminal};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::CliError;

/// What to log, and in which format.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Log level, or levels per module
    ///
    /// `orders::access=debug` logs every request.
    #[arg(
        long = "log",
        global = true,
        display_order = 900,
        env = "ORDERS_LOG",
        default_value = "warn,orders=info",
        value_name = "FILTER"
    )]
    filter: String,
    /// Log format
    #[arg(
        long = "log-format",
        global = true,
        display_order = 901,
        env = "ORDERS_LOG_FORMAT",
        default_value = "text"
    )]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Human-readable lines
    Text,
    /// One JSON object per line
    Json,
}

/// The log filter does not parse.
#[derive(Debug, thiserror::Error)]
#[error("invalid log filter \"{filter}\"")]
struct InvalidFilter {
    filter: String,
    source: tracing_subscriber::filter::ParseError,
}

impl LogArgs {
    /// Installs the logger of the process.
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
