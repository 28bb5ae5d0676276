//! The command line: arguments in, exit status out.
//!
//! One file a subcommand. Each turns its arguments into plain settings and calls the library;
//! no rule of the protocol lives here. stdout is data, stderr is logs and progress.

mod database;
mod documents;
mod hammer;
mod log;
mod migrate;
mod serve;

use std::error::Error as StdError;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Takes an order exactly once, and the tool that proves it.
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
    /// Serve orders over HTTP
    Serve(serve::ServeArgs),
    /// Change the schema of the database, or ask what is pending
    Migrate(migrate::MigrateArgs),
    /// Fire concurrent requests at a service, and prove exactly one order per key
    Hammer(Box<hammer::HammerArgs>),
    /// Print the OpenAPI document
    Openapi(documents::OpenapiArgs),
    /// Print a completion script for a shell
    Completions(documents::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// What a command found out, as an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done, or the answer is yes.
    Done,
    /// 1: the answer is no.
    No,
    /// 2: could not tell, as with bad usage or an unreachable database.
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

/// Why a command could not do its work. Each layer's own type is the source.
type CliError = Box<dyn StdError + Send + Sync>;

/// Parses the process's arguments, runs the command and reports its failure on stderr.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    let ran = match cli.log.start() {
        Ok(()) => run(cli.command).await,
        Err(failure) => Err(failure),
    };
    match ran {
        Ok(status) => status.into(),
        Err(failure) => {
            report(failure.as_ref());
            Status::Unknown.into()
        }
    }
}

async fn run(command: Command) -> Result<Status, CliError> {
    match command {
        Command::Serve(args) => args.run().await,
        Command::Migrate(args) => args.run().await,
        Command::Hammer(args) => args.run().await,
        Command::Openapi(args) => args.run(),
        Command::Completions(args) => args.run(),
        Command::Man => documents::man(),
    }
}

/// Writes data to stdout. A reader that has gone wants no more of it.
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

/// One line: the error and what caused it.
fn report(error: &(dyn StdError + 'static)) {
    let mut line = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Some libraries repeat their source in their own text.
        if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr(), "{}", line.replace('\n', " "));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
