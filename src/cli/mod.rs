//! The command line: arguments in, exit status out.
//!
//! Each subcommand is a file that turns its arguments into plain settings and calls the library.
//! stdout is for data, stderr for logs and progress.

mod completions;
mod duration;
mod hint;
mod log;
mod manual;
#[cfg(any(feature = "serve", feature = "hammer"))]
mod progress;

// The commands of each feature, and what only they use. A new command of the service is a module
// here with `#[cfg(feature = "serve")]`, and a variant of `service::ServiceCommand`.
#[cfg(feature = "serve")]
mod auth;
#[cfg(feature = "serve")]
mod backup;
#[cfg(feature = "serve")]
mod check;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "serve")]
mod consume;
#[cfg(feature = "serve")]
mod database;
#[cfg(feature = "serve")]
mod events;
#[cfg(feature = "hammer")]
mod hammer;
#[cfg(feature = "client")]
mod key;
#[cfg(feature = "serve")]
mod limits;
#[cfg(feature = "serve")]
mod migrate;
#[cfg(feature = "serve")]
mod openapi;
#[cfg(feature = "serve")]
mod otlp;
#[cfg(feature = "serve")]
mod parse;
#[cfg(feature = "client")]
mod place;
#[cfg(feature = "serve")]
mod prepare;
#[cfg(feature = "serve")]
mod probes;
#[cfg(feature = "serve")]
mod redis;
#[cfg(feature = "serve")]
mod relay;
#[cfg(feature = "serve")]
mod retention;
#[cfg(feature = "client")]
mod secret;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "serve")]
mod service;
#[cfg(feature = "serve")]
mod sweep;
#[cfg(feature = "serve")]
mod token;

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};
use tokio::runtime::Runtime;

/// Idempotent order service, and a verifier that proves it
#[derive(Debug, Parser)]
#[command(name = "orders", version, max_term_width = 80)]
pub struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    // serve, relay, consume, migrate, sweep, token, backup, openapi
    #[cfg(feature = "serve")]
    #[command(flatten)]
    Service(service::ServiceCommand),
    /// Verify that a service stores exactly one order per key
    ///
    /// Without --url, the hammer starts private instances of this program on a temporary database,
    /// or of any program with --spawn, and kills some of them. A run is held only on evidence:
    /// duplicates overlapped, faults landed, and the stored orders were read.
    ///
    /// The orders of a run stay in a service given with --url; their items begin with `hammer-`. The
    /// history of a run is history.ndjson, at most about 200 MB. --soak keeps its first cycle and
    /// the latest ones, compressed, in at most 256 MiB; `hammer check` judges them again.
    #[cfg(feature = "hammer")]
    Hammer(Box<hammer::HammerArgs>),
    // place, key
    #[cfg(feature = "client")]
    #[command(flatten)]
    Client(client::ClientCommand),
    /// Print a shell completion script
    Completions(completions::CompletionsArgs),
    /// Write the manual pages, one file per command
    Man(manual::ManArgs),
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
///
/// Not `async`, so that the code of the commands is compiled once, with the library.
pub fn main() -> io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let status = runtime.block_on(run());
    // Do not wait for blocking tasks: one that hangs on a disk would keep the process alive.
    runtime.shutdown_background();
    Ok(status)
}

async fn run() -> ExitCode {
    let parsed = manual::command()
        .try_get_matches()
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    let cli = match parsed {
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
    let log = cli.log.clone();
    let ran = match log.start(cli.access_log()) {
        Ok(()) => cli.run().await,
        Err(error) => Err(error),
    };
    match ran {
        Ok(status) => status.into(),
        Err(error) => {
            log.report(error.as_ref());
            Status::Unknown.into()
        }
    }
}

impl Cli {
    async fn run(self) -> Result<Status, CliError> {
        match self.command {
            #[cfg(feature = "serve")]
            Command::Service(command) => command.run().await,
            #[cfg(feature = "hammer")]
            Command::Hammer(args) => args.run().await,
            #[cfg(feature = "client")]
            Command::Client(command) => command.run(&self.log).await,
            Command::Completions(args) => args.run(),
            Command::Man(args) => args.run(),
        }
    }

    /// Whether requests are logged, which only a server has.
    fn access_log(&self) -> log::AccessLogArgs {
        match &self.command {
            #[cfg(feature = "serve")]
            Command::Service(command) => command.access_log(),
            _ => log::AccessLogArgs::default(),
        }
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
    #[test]
    fn the_arguments_are_consistent() {
        super::manual::command().debug_assert();
    }
}
