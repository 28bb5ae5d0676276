//! The oracle of the database: the table of orders, read-only.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr,
    IsolationLevel, Statement, TransactionTrait,
};

use crate::hammer::history::Order;

/// A prefix that no item has: the names of runs are hexadecimal.
const NO_RUN: &str = "hammer-none.";

/// Why the database cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the database: {0}")]
pub(crate) struct DatabaseError(#[from] DbErr);

/// Writes a UUID of 32 digits as PostgreSQL and the API do.
fn dashed(id: String) -> String {
    if id.len() != 32 || !id.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return id;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| &id[part]).join("-")
}

/// The table `orders` with the columns `id`, `item` and `quantity`.
pub(crate) struct Table(DatabaseConnection);

impl Table {
    /// Connects to the database. An SQLite file is opened read-only.
    pub(super) async fn open(url: &str) -> Result<Self, DatabaseError> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        // sqlx's idle reaper can busy-loop (sqlx#3645).
        let never = None::<Duration>;
        options.idle_timeout(never).max_lifetime(never);
        options.map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
        let table = Self(Database::connect(options).await?);
        // A table that is missing or forbidden is found before the run, not after it.
        table.read(NO_RUN, &mut Vec::new()).await?;
        Ok(table)
    }

    /// Reads every order whose item begins with `prefix`, in one snapshot.
    pub(super) async fn read(
        &self,
        prefix: &str,
        found: &mut Vec<Order>,
    ) -> Result<(), DatabaseError> {
        let backend = self.0.get_database_backend();
        // A UUID is a type of its own in PostgreSQL, and a blob or text in SQLite.
        let sql = match backend {
            DbBackend::Sqlite => {
                "SELECT CASE typeof(id) WHEN 'blob' THEN lower(hex(id)) ELSE CAST(id AS TEXT) END AS id, \
                 item, CAST(quantity AS TEXT) AS quantity FROM orders \
                 WHERE substr(item, 1, length($1)) = $1"
            }
            _ => {
                "SELECT CAST(id AS TEXT) AS id, item, CAST(quantity AS TEXT) AS quantity \
                 FROM orders WHERE starts_with(item, $1)"
            }
        };
        let statement = Statement::from_sql_and_values(backend, sql, [prefix.into()]);
        let rows = if backend == DbBackend::Sqlite {
            self.0.query_all_raw(statement).await?
        } else {
            let snapshot = self
                .0
                .begin_with_config(
                    Some(IsolationLevel::RepeatableRead),
                    Some(AccessMode::ReadOnly),
                )
                .await?;
            let rows = snapshot.query_all_raw(statement).await?;
            snapshot.commit().await?;
            rows
        };
        for row in rows {
            found.push(Order {
                id: dashed(row.try_get("", "id")?),
                item: row.try_get("", "item")?,
                quantity: row.try_get("", "quantity")?,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::dashed;

    #[test]
    fn a_uuid_has_dashes_and_nothing_else_changes() {
        let uuid = "019abcde00017000800000000000000f";
        assert_eq!(
            dashed(uuid.to_owned()),
            "019abcde-0001-7000-8000-00000000000f"
        );
        for other in ["7", "order-7", "019abcde-0001-7000-8000-00000000000f"] {
            assert_eq!(dashed(other.to_owned()), other);
        }
    }
}
