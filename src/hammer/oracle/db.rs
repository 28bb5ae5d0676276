//! The table of orders, read by SQL and never written.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr,
    IsolationLevel, Statement, TransactionTrait,
};

use crate::hammer::history::Order;

/// Why the database cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("the database oracle failed: {0}")]
pub(crate) struct DatabaseError(#[from] DbErr);

/// The table `orders` with the columns `id`, `item` and `quantity`.
pub(crate) struct Table(DatabaseConnection);

impl Table {
    /// Connects; an SQLite file is opened read-only.
    pub(super) async fn open(url: &str) -> Result<Self, DatabaseError> {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        // What looks after idle connections may spin for ever (sqlx 3645).
        let never = None::<Duration>;
        options.idle_timeout(never).max_lifetime(never);
        options.map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
        Ok(Self(Database::connect(options).await?))
    }

    /// Every order whose item begins with `prefix`, in one snapshot.
    pub(super) async fn read(
        &self,
        prefix: &str,
        found: &mut Vec<Order>,
    ) -> Result<(), DatabaseError> {
        let backend = self.0.get_database_backend();
        // A UUID is a type of its own in one database and bytes or text in the other.
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
            let reading = self
                .0
                .begin_with_config(
                    Some(IsolationLevel::RepeatableRead),
                    Some(AccessMode::ReadOnly),
                )
                .await?;
            let rows = reading.query_all_raw(statement).await?;
            reading.commit().await?;
            rows
        };
        for row in rows {
            found.push(Order {
                id: row.try_get("", "id")?,
                item: row.try_get("", "item")?,
                quantity: row.try_get("", "quantity")?,
            });
        }
        Ok(())
    }
}
