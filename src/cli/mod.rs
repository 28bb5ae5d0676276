//! The command line: arguments in, exit status out.
//!
//! One file a subcommand. Each turns its arguments into plain settings and calls the library;
//! no rule of the protocol lives here. stdout is data, stderr is logs and progress.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Takes an order exactly once, and the tool that proves it.
#[derive(Debug, Parser)]
#[command(name = "orders", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
}

/// What a command found out, as an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0: done, or the answer is yes.
    Done,
    /// 1: the answer is no.
    No,
    /// 2: could not tell, as with bad usage or an unreachable server.
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

/// Parses the process's arguments, runs the command and reports its failure on stderr.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command).await {
        Ok(status) => status.into(),
        Err(error) => {
            report(error.as_ref());
            Status::Unknown.into()
        }
    }
}

async fn run(command: Command) -> Result<Status, Box<dyn std::error::Error + Send + Sync>> {
    match command {}
}

/// One line: the error and what caused it.
fn report(error: &(dyn std::error::Error + 'static)) {
    let mut line = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    // Nobody is left to tell when stderr is closed.
    let _ = writeln!(io::stderr(), "{line}");
}
