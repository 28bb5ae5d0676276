//! `orders key`

use clap::{Args, Subcommand};

use super::{CliError, Status, print};
use crate::client::Key;

/// Arguments of `orders key`.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Print a new random key
    ///
    /// Store it before the first attempt, so that a restarted caller can use it again.
    New,
    /// Print the key that names an intent, such as create-order:user123:cart456:20251210
    ///
    /// The same parts always give the same key, and different parts different keys: each part is
    /// percent-encoded, and the parts are joined with ':'. A name of more than 255 characters is cut
    /// and ends in its SHA-256.
    ///
    /// Good for a double click, and for a caller that has no storage and derives the key again after
    /// a restart. Not good for a payload that changes (it is refused under the same key), for a second
    /// order of the same kind on purpose (add a part that differs), or as a secret.
    Derive(DeriveArgs),
}

#[derive(Debug, Args)]
struct DeriveArgs {
    /// What is done, for whom, for which thing: the parts of the name
    #[arg(required = true, value_name = "PART")]
    parts: Vec<String>,
}

impl KeyArgs {
    pub(super) fn run(&self) -> Result<Status, CliError> {
        let key = match &self.command {
            KeyCommand::New => Key::random(),
            KeyCommand::Derive(args) => Key::derive(&args.parts)?,
        };
        print(&format!("{key}\n"))?;
        Ok(Status::Done)
    }
}
