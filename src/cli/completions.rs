//! `orders completions`

use clap::Args;
use clap_complete::Shell;

use super::{CliError, Status, manual, print};

/// Arguments of `orders completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self) -> Result<Status, CliError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut manual::command(), "orders", &mut script);
        print(&String::from_utf8(script)?)?;
        Ok(Status::Done)
    }
}
