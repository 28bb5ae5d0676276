//! Logging to stderr.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use super::{CliError, hint};
use crate::chain::Chain;

/// What to log, and in which format.
#[derive(Debug, Clone, Args)]
pub(super) struct LogArgs {
    /// Log level, or levels per module
    #[arg(
        long = "log",
        help_heading = "Logs",
        global = true,
        display_order = 900,
        env = "ORDERS_LOG",
        default_value = "warn,orders=info",
        value_name = "FILTER"
    )]
    filter: String,
    /// Log format: lines for people, or one JSON object per line
    #[arg(
        long = "log-format",
        help_heading = "Logs",
        global = true,
        display_order = 901,
        env = "ORDERS_LOG_FORMAT",
        default_value = "text"
    )]
    format: Format,
}

/// The target of the access log.
const ACCESS: &str = "orders::access";

/// Whether requests are logged.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct AccessLogArgs {
    /// Log one line for each request
    #[arg(long = "access-log", help_heading = "Logs", env = "ORDERS_ACCESS_LOG")]
    enabled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    // Human-readable lines.
    Text,
    // One JSON object per line.
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
    pub(super) fn start(&self, access_log: AccessLogArgs) -> Result<(), CliError> {
        let mut filter = self.filter.clone();
        if !filter.contains(ACCESS) {
            let level = if access_log.enabled { "info" } else { "off" };
            filter = format!("{filter},{ACCESS}={level}");
        }
        let filter = EnvFilter::try_new(filter).map_err(|source| InvalidFilter {
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

    /// Writes the error of a command to stderr, in the format of the log.
    pub(super) fn report(&self, error: &(dyn Error + 'static)) {
        report(self.format, &Chain(error).to_string(), hint::hint(error));
    }
}

/// Reports wrong arguments. They name the format only if they can be parsed, so it is looked for.
pub(super) fn report_usage(error: &clap::Error) {
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let by_flag = arguments
        .iter()
        .any(|argument| argument == "--log-format=json")
        || arguments
            .windows(2)
            .any(|pair| pair == ["--log-format", "json"]);
    let by_variable = std::env::var_os("ORDERS_LOG_FORMAT").is_some_and(|format| format == "json");
    if error.use_stderr() && (by_flag || by_variable) {
        let text = error.to_string();
        let text = text.trim().trim_start_matches("error: ");
        report(
            Format::Json,
            &text.split_whitespace().collect::<Vec<_>>().join(" "),
            None,
        );
    } else {
        // If there is no place to print to, nobody waits for it.
        let _ = error.print();
    }
}

/// Not through the logger, whose filter could hide it.
fn report(format: Format, message: &str, hint: Option<&str>) {
    let line = match (format, hint) {
        (Format::Text, None) => format!("error: {message}"),
        (Format::Text, Some(hint)) => format!("error: {message}\nhint: {hint}"),
        (Format::Json, _) => {
            let mut line = serde_json::json!({
                "timestamp": humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
                "level": "ERROR",
                "message": message,
                "target": "orders",
            });
            if let Some(hint) = hint {
                line["hint"] = hint.into();
            }
            line.to_string()
        }
    };
    // If stderr is closed, there is no other place to report to.
    let _ = writeln!(io::stderr(), "{line}");
}
