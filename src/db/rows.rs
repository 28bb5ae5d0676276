//! Many rows in one statement of a fixed text.
//!
//! `VALUES (…), (…)` has a text for every number of rows and would wash the statement cache out.
//! A row set is instead one parameter a column (PostgreSQL, `UNNEST`) or one parameter in all
//! (SQLite, `json_each`), so a statement over it is prepared once for any number of rows.

use std::fmt::Write;

use sea_orm::sea_query::{ArrayType, Value};
use sea_orm::{DbBackend, Statement};
use uuid::Uuid;

/// The type of a column in a row set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text without NUL.
    Text,
    /// Any bytes.
    Bytes,
    /// A UUID.
    Uuid,
    /// A whole number of 64 bits.
    Integer,
}

/// One column of a row set: its name and type.
pub type Column = (&'static str, Kind);

/// One value, of its column's kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Text without NUL.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// A UUID.
    Uuid(Uuid),
    /// A whole number of 64 bits.
    Integer(i64),
}

/// A row set on its way into a statement.
#[derive(Debug)]
pub struct Rows {
    columns: &'static [Column],
    values: Vec<Vec<Cell>>,
}

impl Rows {
    /// A row set with these columns. Every row must have a cell of the right kind for each.
    pub fn new<const N: usize>(
        columns: &'static [Column; N],
        rows: impl IntoIterator<Item = [Cell; N]>,
    ) -> Self {
        let mut values: Vec<Vec<Cell>> = columns.iter().map(|_| Vec::new()).collect();
        for row in rows {
            for (column, cell) in values.iter_mut().zip(row) {
                column.push(cell);
            }
        }
        Self { columns, values }
    }

    /// A statement over the row set: `{rows}` in `sql` stands for a table named `rows` with these
    /// columns and one more, `ordinal`, which counts them from 1.
    #[must_use]
    pub fn statement(self, backend: DbBackend, sql: &str) -> Statement {
        let sql = sql.replace("{rows}", &self.table(backend, 1));
        Statement::from_sql_and_values(backend, sql, self.parameters(backend))
    }

    /// The row set as a table, its parameters numbered from `first`.
    pub(crate) fn table(&self, backend: DbBackend, first: usize) -> String {
        match backend {
            DbBackend::Sqlite => self.json_each(),
            _ => self.unnest(first),
        }
    }

    fn unnest(&self, first: usize) -> String {
        let parameters = self.columns.iter().enumerate().map(|(index, (_, kind))| {
            let sql_type = match kind {
                Kind::Text => "text",
                Kind::Bytes => "bytea",
                Kind::Uuid => "uuid",
                Kind::Integer => "bigint",
            };
            format!("${}::{sql_type}[]", first + index)
        });
        let parameters = parameters.collect::<Vec<_>>().join(", ");
        let names = self
            .columns
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ");
        format!("UNNEST({parameters}) WITH ORDINALITY AS rows ({names}, ordinal)")
    }

    fn json_each(&self) -> String {
        let cells = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, kind))| match kind {
                Kind::Text | Kind::Integer => format!("value ->> {index} AS {name}"),
                // JSON has no bytes: they travel as hexadecimal text.
                Kind::Bytes | Kind::Uuid => format!("unhex(value ->> {index}) AS {name}"),
            });
        let cells = cells.collect::<Vec<_>>().join(", ");
        format!("(SELECT {cells}, key + 1 AS ordinal FROM json_each(?)) AS rows")
    }

    pub(crate) fn parameters(self, backend: DbBackend) -> Vec<Value> {
        match backend {
            DbBackend::Sqlite => vec![Value::from(self.json())],
            _ => self.arrays(),
        }
    }

    fn arrays(self) -> Vec<Value> {
        let columns = self.columns.iter().zip(self.values);
        columns
            .map(|((_, kind), cells)| {
                let kind = match kind {
                    Kind::Text => ArrayType::String,
                    Kind::Bytes => ArrayType::Bytes,
                    Kind::Uuid => ArrayType::Uuid,
                    Kind::Integer => ArrayType::BigInt,
                };
                let cells = cells.into_iter().map(|cell| match cell {
                    Cell::Text(text) => Value::from(text),
                    Cell::Bytes(bytes) => Value::from(bytes),
                    Cell::Uuid(id) => Value::from(id),
                    Cell::Integer(number) => Value::from(number),
                });
                Value::Array(kind, Some(Box::new(cells.collect())))
            })
            .collect()
    }

    fn json(self) -> String {
        let count = self.values.first().map_or(0, Vec::len);
        let mut columns: Vec<_> = self.values.into_iter().map(Vec::into_iter).collect();
        let rows = (0..count).map(|_| {
            let cells = columns
                .iter_mut()
                .filter_map(Iterator::next)
                .map(|cell| match cell {
                    Cell::Text(text) => serde_json::Value::from(text),
                    Cell::Bytes(bytes) => serde_json::Value::from(hexadecimal(&bytes)),
                    Cell::Uuid(id) => serde_json::Value::from(id.simple().to_string()),
                    Cell::Integer(number) => serde_json::Value::from(number),
                });
            serde_json::Value::Array(cells.collect())
        });
        serde_json::Value::Array(rows.collect()).to_string()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
