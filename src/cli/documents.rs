//! Documents about the program: `orders completions` and `orders man`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, CliError, Status, print};

/// Arguments of `orders completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self) -> Result<Status, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "orders", &mut script);
        print(&String::from_utf8(script)?)?;
        Ok(Status::Done)
    }
}

/// Prints the manual page of the program, then that of each command.
pub(super) fn man() -> Result<Status, CliError> {
    let mut pages = Vec::new();
    let mut program = Cli::command();
    program.build();
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        clap_mangen::Man::new(command.clone()).render(&mut pages)?;
    }
    print(&String::from_utf8(pages)?)?;
    Ok(Status::Done)
}
