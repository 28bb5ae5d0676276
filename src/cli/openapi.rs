//! `orders openapi`, which needs no database.

use clap::Args;

use super::{CliError, Status, print};
use crate::http;

/// Arguments of `orders openapi`.
#[derive(Debug, Args)]
pub(super) struct OpenapiArgs {
    /// Print YAML instead of JSON
    #[arg(long)]
    yaml: bool,
}

impl OpenapiArgs {
    pub(super) fn run(&self) -> Result<Status, CliError> {
        print(&if self.yaml {
            http::openapi_yaml()
        } else {
            http::openapi_json()
        })?;
        Ok(Status::Done)
    }
}
