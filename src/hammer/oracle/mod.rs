//! Reads what is really stored, independently of the answers.
//!
//! Owns the ways to read the orders of a run. An oracle that could not read everything says so,
//! because a truncated list proves nothing.

mod api;
#[cfg(feature = "serve")]
mod db;
/// Without the drivers of the service there is no such oracle.
#[cfg(not(feature = "serve"))]
#[path = "no_db.rs"]
mod db;

use super::contract::{Contract, StoredShape};
use super::history::{OracleKind, Order};
use super::wire::Pool;
use super::words::with_sources;

/// A source of the stored orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OracleChoice {
    /// The public list of the contract.
    Api,
    /// The query of the contract on the database at this URL, read-only.
    Database(String),
}

impl OracleChoice {
    /// Whether it needs the driver of a database.
    #[must_use]
    pub fn reads_database(&self) -> bool {
        self.kind() == OracleKind::Db
    }

    /// The kind of oracle.
    pub(crate) fn kind(&self) -> OracleKind {
        match self {
            Self::Api => OracleKind::Api,
            Self::Database(_) => OracleKind::Db,
        }
    }
}

/// An open oracle.
pub(crate) enum Oracle {
    Api(Box<api::List>),
    Database(db::Table),
}

impl Oracle {
    /// Prepares for reading: finds the end of the list before the run, or connects.
    pub(crate) async fn open(
        choice: &OracleChoice,
        contract: &Contract,
        pool: &Pool,
    ) -> Result<Self, String> {
        let nowhere = || "the contract does not say where to count ([stored])".to_owned();
        let shape: StoredShape = contract.stored.clone().ok_or_else(nowhere)?;
        match choice {
            OracleChoice::Api => {
                let reader = pool.reader().map_err(|error| error.with_sources())?;
                let list = api::List::open(reader, shape).await?;
                Ok(Self::Api(Box::new(list)))
            }
            OracleChoice::Database(url) => db::Table::open(url, &shape)
                .await
                .map(Self::Database)
                .map_err(|error| with_sources(&error)),
        }
    }

    /// Reads every stored order whose item contains `prefix`; returns what it found and, if
    /// that may not be everything, why.
    pub(crate) async fn read(&self, prefix: &str) -> (Vec<Order>, Option<String>) {
        let mut found = Vec::new();
        let error = match self {
            Self::Api(list) => list.read(prefix, &mut found).await.err(),
            Self::Database(table) => table
                .read(prefix, &mut found)
                .await
                .err()
                .map(|error| with_sources(&error)),
        };
        (found, error)
    }
}
