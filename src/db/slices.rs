//! A table in slices, in the order of its storage: no index, no sort, and each page is read once.

use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

/// Pages of PostgreSQL in a slice: 32 KiB. What is done to a slice delays the requests beside it.
const PAGES: i64 = 4;

/// Rows of SQLite in a slice.
const ROWS: i64 = 256;

/// The slices of a table, as conditions on its rows. Rows that are inserted later may be missing.
#[derive(Debug)]
pub struct Slices {
    backend: DbBackend,
    next: i64,
    end: i64,
}

impl Slices {
    /// The slices of what the table has now.
    pub async fn of(db: &impl ConnectionTrait, table: &'static str) -> Result<Self, DbErr> {
        let backend = db.get_database_backend();
        let bounds = match backend {
            DbBackend::Sqlite => {
                format!("SELECT coalesce(min(rowid), 0), coalesce(max(rowid), -1) + 1 FROM {table}")
            }
            _ => format!(
                "SELECT 0::bigint, \
                 pg_relation_size('{table}') / current_setting('block_size')::bigint"
            ),
        };
        let bounds = db.query_one_raw(Statement::from_string(backend, bounds));
        let (next, end) = match bounds.await? {
            Some(row) => (row.try_get_by_index(0)?, row.try_get_by_index(1)?),
            None => (0, 0),
        };
        Ok(Self { backend, next, end })
    }

    /// How many slices are left.
    #[must_use]
    pub fn left(&self) -> u32 {
        let left = (self.end - self.next).max(0) / self.step();
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// What a slice has: pages of PostgreSQL, rows of SQLite.
    fn step(&self) -> i64 {
        match self.backend {
            DbBackend::Sqlite => ROWS,
            _ => PAGES,
        }
    }
}

impl Iterator for Slices {
    type Item = Expr;

    fn next(&mut self) -> Option<Expr> {
        let begin = self.next;
        if begin >= self.end {
            return None;
        }
        self.next = begin + self.step();
        if self.backend == DbBackend::Sqlite {
            let rows = [begin, self.next];
            return Some(Expr::cust_with_values("rowid >= ? AND rowid < ?", rows));
        }
        let tuples = [begin, self.next].map(|page| format!("({page},0)"));
        Some(Expr::cust_with_values(
            "ctid >= $1::text::tid AND ctid < $2::text::tid",
            tuples,
        ))
    }
}
