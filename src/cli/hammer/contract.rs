//! The contract that a target is judged by, and the oracles that go with it.

use std::path::PathBuf;

use clap::Args;

use super::args::Oracle;
use crate::cli::CliError;
use crate::hammer::{Contract, OracleChoice};

/// The contract of the target.
#[derive(Debug, Args)]
pub(super) struct ContractArgs {
    /// What the target promises, as TOML; start from `orders hammer contract`
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
}

impl ContractArgs {
    /// Reads the contract, if there is a file.
    pub(super) fn read(&self) -> Result<Option<Contract>, CliError> {
        let file = self.contract.as_deref();
        Ok(file.map(Contract::read).transpose()?)
    }
}

/// The oracles of a run: those of the command line, or the list of the contract if it has one.
pub(super) fn oracles(
    chosen: &[Oracle],
    contract: Option<&Contract>,
) -> Result<Vec<OracleChoice>, CliError> {
    let has_list = contract.is_none_or(Contract::has_list);
    if chosen.is_empty() {
        return Ok(has_list.then_some(OracleChoice::Api).into_iter().collect());
    }
    let has_sql = contract.is_none_or(Contract::has_sql);
    let mut oracles = Vec::new();
    for oracle in chosen {
        match oracle {
            Oracle::None => {}
            Oracle::Read(OracleChoice::Api) if !has_list => {
                return Err("--oracle api needs stored.list in the contract".into());
            }
            Oracle::Read(OracleChoice::Database(_)) if !has_sql => {
                return Err("--oracle db:URL needs stored.sql in the contract".into());
            }
            Oracle::Read(choice) => oracles.push(choice.clone()),
        }
    }
    Ok(oracles)
}
