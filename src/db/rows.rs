//! Many rows in one statement of a fixed text.
//!
//! `VALUES (…), (…)` has a text for every number of rows and would wash the statement cache out.
//! A row set is instead one parameter a column (PostgreSQL, `UNNEST`) or one parameter in all
//! (SQLite, `json_each`), so a statement over it is prepared once for any number of rows. On
//! PostgreSQL a single row is a `VALUES` of its own, which costs the database a quarter less: it
//! is what a client that comes alone waits for.

use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArguments, PgHasArrayType};
use sea_orm::sqlx::{Arguments, Encode, Postgres, Type};
use sea_orm::{DbBackend, Statement};
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

    /// Writes one cell as JSON, which has no bytes: they travel as hexadecimal text.
    fn write_json(&self, row: usize, json: &mut String) {
        match self {
            Self::Text(cells) => json.push_str(&serde_json::Value::from(cells[row]).to_string()),
            Self::Bytes(cells) => write_hexadecimal(cells[row], json),
            Self::Uuid(cells) => write_hexadecimal(cells[row].as_bytes(), json),
            Self::Integer(cells) => json.push_str(&cells[row].to_string()),
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

    /// A statement for SQLite over the row set: `{rows}` in `sql` stands for a table named `rows`
    /// with these columns and one more, `ordinal`, which counts them from 1.
    #[must_use]
    pub fn sqlite(&self, sql: &str) -> Statement {
        let sql = sql.replace("{rows}", &self.json_each());
        Statement::from_sql_and_values(DbBackend::Sqlite, sql, [self.json().into()])
    }

    fn json_each(&self) -> String {
        let cells = self.0.iter().enumerate();
        let cells = cells.map(|(index, (name, cells))| match cells {
            Cells::Text(_) | Cells::Integer(_) => format!("value ->> {index} AS {name}"),
            Cells::Bytes(_) | Cells::Uuid(_) => format!("unhex(value ->> {index}) AS {name}"),
        });
        let cells = cells.collect::<Vec<_>>().join(", ");
        format!("(SELECT {cells}, key + 1 AS ordinal FROM json_each(?)) AS rows")
    }

    fn json(&self) -> String {
        let mut json = String::from("[");
        for row in 0..self.count() {
            json.push_str(if row == 0 { "[" } else { ",[" });
            for (index, (_, cells)) in self.0.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                cells.write_json(row, &mut json);
            }
            json.push(']');
        }
        json.push(']');
        json
    }

    /// The same table for PostgreSQL, to stand where `{rows}` is in a statement's text. Its
    /// parameters are numbered from `first`.
    #[must_use]
    pub fn postgres(&self, first: usize) -> String {
        let names = self.0.iter().map(|(name, _)| *name);
        let names = names.collect::<Vec<_>>().join(", ");
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

fn write_hexadecimal(bytes: &[u8], json: &mut String) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    json.push('"');
    for byte in bytes {
        json.push(char::from(DIGITS[usize::from(byte >> 4)]));
        json.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    json.push('"');
}
