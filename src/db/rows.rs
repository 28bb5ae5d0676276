//! Many rows under one statement of a fixed text.
//!
//! `VALUES (…), (…)` has a text for every number of rows and would wash the statement cache out.
//! On PostgreSQL a row set is instead one parameter a column (`UNNEST`), so a statement over it is
//! prepared once for any number of rows. (A single row is a `VALUES` of its own, which costs the
//! database a quarter less: it is what a client that comes alone waits for.) On SQLite, which is no
//! further away than a call, a statement over one row runs once for each of them.

use rusqlite::params_from_iter;
use rusqlite::types::{ToSqlOutput, ValueRef};
use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArguments, PgHasArrayType};
use sea_orm::sqlx::{Arguments, Encode, Postgres, Type};
use uuid::Uuid;

/// The cells of one column, from the first row to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cells<'a> {
    /// Text without NUL.
    Text(Vec<&'a str>),
    /// Any bytes.
    Bytes(Vec<&'a [u8]>),
    /// UUIDs.
    Uuid(Vec<Uuid>),
    /// Whole numbers of 64 bits.
    Integer(Vec<i64>),
}

/// A row set on its way into a statement.
#[derive(Debug)]
pub struct Rows<'a>(Vec<(&'static str, Cells<'a>)>);

impl Cells<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
            Self::Uuid(cells) => cells.len(),
            Self::Integer(cells) => cells.len(),
        }
    }

    fn postgres_type(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytea",
            Self::Uuid(_) => "uuid",
            Self::Integer(_) => "bigint",
        }
    }

    fn sqlite(&self, row: usize) -> ValueRef<'_> {
        match self {
            Self::Text(cells) => ValueRef::Text(cells[row].as_bytes()),
            Self::Bytes(cells) => ValueRef::Blob(cells[row]),
            Self::Uuid(cells) => ValueRef::Blob(cells[row].as_bytes()),
            Self::Integer(cells) => ValueRef::Integer(cells[row]),
        }
    }
}

impl<'a> Rows<'a> {
    /// A row set with these columns, by name.
    ///
    /// # Panics
    ///
    /// If one column has more cells than another.
    #[must_use]
    pub fn new<const N: usize>(columns: [(&'static str, Cells<'a>); N]) -> Self {
        let rows = Self(columns.into());
        let count = rows.count();
        assert!(
            rows.0.iter().all(|(_, cells)| cells.len() == count),
            "every row has a cell in every column"
        );
        rows
    }

    fn count(&self) -> usize {
        self.0.first().map_or(0, |(_, cells)| cells.len())
    }

    /// A statement for PostgreSQL that inserts the rows into a table. It reads them from
    /// [`Self::postgres`], and what says which of them may follow.
    #[must_use]
    pub fn insert_into(&self, table: &str, first: usize) -> String {
        let (names, columns) = (self.names(""), self.names("rows."));
        let rows = self.postgres(first);
        format!("INSERT INTO {table} ({names}) SELECT {columns} FROM {rows}")
    }

    /// A statement for SQLite that inserts one row. (With a `SELECT` in the place of `VALUES` SQLite
    /// would keep a copy of every page that it changes, to undo the statement.)
    #[must_use]
    pub fn insert_one_into(&self, table: &str) -> String {
        let cells = (1..=self.parameters()).map(|n| format!("?{n}"));
        let cells = cells.collect::<Vec<_>>().join(", ");
        format!("INSERT INTO {table} ({}) VALUES ({cells})", self.names(""))
    }

    fn names(&self, prefix: &str) -> String {
        let names = self.0.iter().map(|(name, _)| format!("{prefix}{name}"));
        names.collect::<Vec<_>>().join(", ")
    }

    /// The row set as a table for PostgreSQL: it is named `rows` and has one column more, `ordinal`,
    /// which counts from 1. Its parameters are numbered from `first`.
    #[must_use]
    pub fn postgres(&self, first: usize) -> String {
        let names = self.names("");
        let list = |suffix| {
            let parameters = self.0.iter().zip(first..);
            let parameters = parameters
                .map(|((_, cells), n)| format!("${n}::{}{suffix}", cells.postgres_type()));
            parameters.collect::<Vec<_>>().join(", ")
        };
        if self.count() == 1 {
            format!(
                "(VALUES ({}, 1::bigint)) AS rows ({names}, ordinal)",
                list("")
            )
        } else {
            format!(
                "UNNEST({}) WITH ORDINALITY AS rows ({names}, ordinal)",
                list("[]")
            )
        }
    }

    /// How many parameters the table has.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bind(self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        for (_, cells) in self.0 {
            match cells {
                Cells::Text(cells) => bind(arguments, cells)?,
                Cells::Bytes(cells) => bind(arguments, cells)?,
                Cells::Uuid(cells) => bind(arguments, cells)?,
                Cells::Integer(cells) => bind(arguments, cells)?,
            }
        }
        Ok(())
    }

    /// Runs a statement of SQLite that returns nothing once for each row, with the row's cells as
    /// its parameters, and says of each whether it changed anything. (For `RETURNING` SQLite would
    /// make a table and drop it each time.)
    pub fn execute(
        &self,
        connection: &rusqlite::Connection,
        sql: &str,
    ) -> rusqlite::Result<Vec<bool>> {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = 0..self.count();
        rows.map(|row| Ok(statement.execute(params_from_iter(self.cells(row)))? > 0))
            .collect()
    }

    /// Runs a statement of SQLite once for each row, with the row's cells as its parameters, and
    /// collects what `read` makes of what comes back, given the ordinal of the row.
    pub fn query<T>(
        &self,
        connection: &rusqlite::Connection,
        sql: &str,
        read: impl Fn(i64, &rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = Vec::new();
        for (row, ordinal) in (0..self.count()).zip(1..) {
            let mut answer = statement.query(params_from_iter(self.cells(row)))?;
            while let Some(row) = answer.next()? {
                found.push(read(ordinal, row)?);
            }
        }
        Ok(found)
    }

    fn cells(&self, row: usize) -> impl Iterator<Item = ToSqlOutput<'_>> {
        let cells = self.0.iter().map(move |(_, cells)| cells.sqlite(row));
        cells.map(ToSqlOutput::Borrowed)
    }
}

/// A single cell as itself, more of them as an array.
fn bind<'c, C>(arguments: &mut PgArguments, cells: Vec<C>) -> Result<(), BoxDynError>
where
    C: Encode<'c, Postgres> + Type<Postgres> + PgHasArrayType + Copy + 'c,
{
    match cells[..] {
        [cell] => arguments.add(cell),
        _ => arguments.add(cells),
    }
}
