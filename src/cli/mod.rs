//! The command line: arguments in, exit status out.
//!
//! Each subcommand is a file that turns its arguments into plain settings and calls the library.
//! stdout is for data, stderr for logs and progress.

mod auth;
mod backup;
mod check;
mod database;
mod documents;
mod hammer;
mod key;
mod limits;
mod log;
mod migrate;
mod parse;
mod place;
mod redis;
mod retention;
mod secret;
mod serve;
mod sweep;
mod token;

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Idempotent order service, and a verifier that proves it
#[derive(Debug, Parser)]
#[command(name = "orders", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the HTTP API
    Serve(Box<serve::ServeArgs>),
    /// Migrate the database schema, or show its status
    Migrate(migrate::MigrateArgs),
    /// Delete the expired answers of keys, as serve does from time to time
    Sweep(sweep::SweepArgs),
    /// Create, list and revoke the tokens of tenants
    Token(token::TokenArgs),
    /// Verify that a service stores exactly one order per key
    Hammer(Box<hammer::HammerArgs>),
    /// Place an order exactly once, with retries
    Place(place::PlaceArgs),
    /// Make an idempotency key
    Key(key::KeyArgs),
    /// Copy an SQLite database to a file while it is in use
    Backup(backup::BackupArgs),
    /// Print the OpenAPI document as JSON or YAML
    Openapi(documents::OpenapiArgs),
    /// Print a shell completion script
    Completions(documents::CompletionsArgs),
    /// Print the manual pages
    Man,
}

/// Exit status of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done, or the answer is yes.
    Done,
    /// 1: the answer is no.
    No,
    /// 2: no answer, because of bad usage or an unreachable database.
    Unknown,
    /// 130: interrupted by the user.
    Interrupted,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Done => 0,
            Status::No => 1,
            Status::Unknown => 2,
            Status::Interrupted => 130,
        })
    }
}

/// Error of a command. The source is the error type of the layer that failed.
type CliError = Box<dyn StdError + Send + Sync>;

/// Parses the arguments, runs the command and reports its error on stderr.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            log::report_usage(&error);
            let is_wrong = error.use_stderr();
            return if is_wrong {
                Status::Unknown
            } else {
                Status::Done
            }
            .into();
        }
    };
    let access_log = match &cli.command {
        Command::Serve(args) => args.access_log,
        _ => log::AccessLogArgs::default(),
    };
    let ran = match cli.log.start(access_log) {
        Ok(()) => run(cli.command, &cli.log).await,
        Err(error) => Err(error),
    };
    match ran {
        Ok(status) => status.into(),
        Err(error) => {
            cli.log.report(error.as_ref());
            Status::Unknown.into()
        }
    }
}

async fn run(command: Command, log: &log::LogArgs) -> Result<Status, CliError> {
    match command {
        Command::Serve(args) => args.run().await,
        Command::Migrate(args) => args.run().await,
        Command::Sweep(args) => args.run().await,
        Command::Token(args) => args.run().await,
        Command::Hammer(args) => args.run().await,
        Command::Place(args) => args.run(log).await,
        Command::Key(args) => args.run(),
        Command::Backup(args) => args.run().await,
        Command::Openapi(args) => args.run(),
        Command::Completions(args) => args.run(),
        Command::Man => documents::man(),
    }
}

/// Writes data to stdout. A closed pipe is no error: the reader has what it wants.
fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
