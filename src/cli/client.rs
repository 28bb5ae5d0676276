//! The commands of a client of the service, which exist with the feature `client`.

use clap::Subcommand;

use super::log::LogArgs;
use super::{CliError, Status, key, place};

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// Place an order exactly once, with retries
    ///
    /// After exit status 2, run the same command with the key that was printed: it returns the order
    /// that was placed, or places it. A new key could place a second order.
    Place(place::PlaceArgs),
    /// Make an idempotency key
    Key(key::KeyArgs),
}

impl ClientCommand {
    pub(super) async fn run(self, log: &LogArgs) -> Result<Status, CliError> {
        match self {
            Self::Place(args) => args.run(log).await,
            Self::Key(args) => args.run(),
        }
    }
}
