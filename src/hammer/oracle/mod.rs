//! What is really stored, asked of somebody else than the answers.
//!
//! Owns the ways to read the orders of a run. Promises to say so when it could not read
//! everything: a list that was cut short proves nothing.

mod api;
mod db;

use std::sync::Arc;

use super::history::Order;
use super::wire::Pool;

/// Where the truth about stored orders comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OracleChoice {
    /// The public list, `GET /orders`.
    Api,
    /// The table `orders` of this database, read only.
    Database(String),
}

/// One way to read what is stored.
pub(crate) enum Oracle {
    Api(api::List),
    Database(db::Table),
}

impl Oracle {
    /// Gets ready to read: remembers where the list ends before the run, or connects.
    pub(crate) async fn open(choice: &OracleChoice, pool: &Arc<Pool>) -> Result<Self, String> {
        match choice {
            OracleChoice::Api => api::List::open(Arc::clone(pool)).await.map(Self::Api),
            OracleChoice::Database(url) => db::Table::open(url)
                .await
                .map(Self::Database)
                .map_err(|error| error.to_string()),
        }
    }

    /// Its name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Api(_) => "api",
            Self::Database(_) => "db",
        }
    }

    /// Every stored order whose item begins with `prefix`, and why that is not everything.
    pub(crate) async fn read(&self, prefix: &str) -> (Vec<Order>, Option<String>) {
        let mut found = Vec::new();
        let trouble = match self {
            Self::Api(list) => list.read(prefix, &mut found).await.err(),
            Self::Database(table) => table
                .read(prefix, &mut found)
                .await
                .err()
                .map(|error| error.to_string()),
        };
        for order in &mut found {
            self.name().clone_into(&mut order.oracle);
        }
        (found, trouble)
    }
}
