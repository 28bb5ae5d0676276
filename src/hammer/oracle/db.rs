//! The oracle of the database: the query of the contract, read-only.

use std::time::Duration;

use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr,
    IsolationLevel, QueryResult, Statement, TransactionTrait,
};

use crate::hammer::contract::StoredShape;
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

/// What the query of a contract finds.
pub(crate) struct Table {
    database: DatabaseConnection,
    /// The query, with a parameter for the text that its markers contain.
    sql: String,
}

impl Table {
    /// Connects to the database and tries the query. An SQLite file is opened read-only.
    pub(super) async fn open(url: &str, shape: &StoredShape) -> Result<Self, DatabaseError> {
        let query = shape.sql.as_deref().ok_or_else(|| {
            DbErr::Custom("the contract has no query for it (stored.sql)".to_owned())
        })?;
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        // sqlx's idle reaper can busy-loop (sqlx#3645).
        let never = None::<Duration>;
        options.idle_timeout(never).max_lifetime(never);
        options.map_sqlx_sqlite_opts(|sqlite| sqlite.read_only(true).create_if_missing(false));
        let database = Database::connect(options).await?;
        let sql = statement(
            query,
            shape.number.is_some(),
            database.get_database_backend(),
        );
        let table = Self { database, sql };
        // A table that is missing or forbidden is found before the run, not after it.
        table.rows(NO_RUN).await?;
        Ok(table)
    }

    /// Reads everything whose marker contains `prefix`, in one snapshot.
    pub(super) async fn read(
        &self,
        prefix: &str,
        found: &mut Vec<Order>,
    ) -> Result<(), DatabaseError> {
        for row in self.rows(prefix).await? {
            found.push(Order {
                id: dashed(row.try_get("", "id")?),
                item: row.try_get("", "marker")?,
                quantity: row.try_get("", "number")?,
            });
        }
        Ok(())
    }

    async fn rows(&self, prefix: &str) -> Result<Vec<QueryResult>, DbErr> {
        let backend = self.database.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, &self.sql, [prefix.into()]);
        if backend == DbBackend::Sqlite {
            return self.database.query_all_raw(statement).await;
        }
        let (isolation, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
        let snapshot = self
            .database
            .begin_with_config(Some(isolation), Some(access))
            .await?;
        let rows = snapshot.query_all_raw(statement).await?;
        snapshot.commit().await?;
        Ok(rows)
    }
}

/// Wraps the query of a contract: its columns become text with known names, and only the rows of
/// the run are returned.
fn statement(query: &str, has_number: bool, backend: DbBackend) -> String {
    let query = query.trim().trim_end_matches(';');
    let columns = if has_number {
        "id, marker, number"
    } else {
        "id, marker"
    };
    let number = if has_number {
        "CAST(number AS TEXT)"
    } else {
        "''"
    };
    // A UUID is a type of its own in PostgreSQL, and a blob or text in SQLite.
    let (id, contains) = match backend {
        DbBackend::Sqlite => (
            "CASE typeof(id) WHEN 'blob' THEN lower(hex(id)) ELSE CAST(id AS TEXT) END",
            "instr(CAST(marker AS TEXT), $1) > 0",
        ),
        _ => ("CAST(id AS TEXT)", "strpos(CAST(marker AS TEXT), $1) > 0"),
    };
    format!(
        "WITH stored({columns}) AS ({query}) \
         SELECT {id} AS id, CAST(marker AS TEXT) AS marker, {number} AS number \
         FROM stored WHERE {contains}"
    )
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
