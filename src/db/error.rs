//! Errors of connecting, and what an error of a statement asks of whoever sent it.

use std::fmt;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

use super::DatabaseUrl;
use super::connect::Failure;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It was tried and failed.
    #[error("cannot use the database {url}")]
    Refused {
        /// Which database.
        url: DatabaseUrl,
        /// The cause.
        source: Cause,
    },
    /// Nothing came back.
    #[error("the database {url} did not answer within {waited:?}")]
    NoAnswer {
        /// Which database.
        url: DatabaseUrl,
        /// How long was waited.
        waited: Duration,
    },
    /// Something in between keeps the session from what it was told.
    #[error(
        "the connection to {url} loses the setting {setting}: there is a pooler in between. Add \
         pooler=transaction to the URL, or see docs/databases.md"
    )]
    Dropped {
        /// Which database.
        url: DatabaseUrl,
        /// The first setting that was lost.
        setting: &'static str,
    },
    /// It can be read and not written to.
    #[error("cannot write to the database {url}")]
    ReadOnly {
        /// Which database.
        url: DatabaseUrl,
        /// The cause.
        source: DbErr,
    },
}

impl ConnectError {
    pub(super) fn new(url: DatabaseUrl, failure: Failure) -> Self {
        match failure {
            Failure::Dropped(setting) => Self::Dropped { url, setting },
            Failure::Driver(error) if refuses_settings(&error) => Self::Dropped {
                url,
                setting: "options",
            },
            Failure::Driver(error) => Self::Refused {
                url,
                source: Cause::Driver(error),
            },
            Failure::Sqlite(error) => Self::Refused {
                url,
                source: Cause::Sqlite(error),
            },
        }
    }
}

/// As PgBouncer does, unless it is told to drop them in silence.
fn refuses_settings(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().contains("unsupported startup parameter"))
}

/// A driver's error, said as the database said it.
#[derive(Debug)]
pub enum Cause {
    /// Of the driver that SeaORM has.
    Driver(sqlx::Error),
    /// Of the driver that SQLite's lane has.
    Sqlite(rusqlite::Error),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => match error.as_database_error() {
                Some(database) => f.write_str(database.message()),
                None => error.fmt(f),
            },
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Cause {}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// On PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] DbErr),
    /// On SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

impl WriteError {
    /// What it asks for.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Postgres(error) => class(error),
            Self::Sqlite(rusqlite::Error::SqliteFailure(error, _)) => sqlite(error.extended_code),
            // Something that SQLite was not asked for, such as a column that is not there.
            Self::Sqlite(_) => Class::Refused,
        }
    }
}

/// What a failed transaction asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Run the same again: it lost a conflict that does not happen twice (serialization failure,
    /// deadlock, a busy SQLite file).
    Retry,
    /// Another transaction held one of the rows for longer than the lock wait.
    Locked,
    /// The connection or the database is gone, or has no room. Run it again on a new connection;
    /// whether it was committed is unknown.
    Unavailable,
    /// The database refused what was written. One row may be the reason: try smaller parts.
    Refused,
}

/// Classifies the error of a statement, or of BEGIN or COMMIT.
///
/// PostgreSQL by SQLSTATE (PostgreSQL 15, appendix A), SQLite by result code.
#[must_use]
pub fn class(error: &DbErr) -> Class {
    let source = match error {
        DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Query(RuntimeErr::SqlxError(source)) => source,
        // There was no connection to send anything on, for whatever reason.
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => return Class::Unavailable,
        _ => return Class::Refused,
    };
    let Some(database) = source.as_database_error() else {
        return match source.as_ref() {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. } => Class::Refused,
            _ => Class::Unavailable,
        };
    };
    let Some(code) = database.code() else {
        return Class::Refused;
    };
    match database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        Some(error) => postgres(&code, error.r#where().is_some()),
        None => sqlite(code.parse().unwrap_or_default()),
    }
}

/// `in_a_row`: the error has a context, such as the index tuple that was being inserted.
fn postgres(sqlstate: &str, in_a_row: bool) -> Class {
    match sqlstate {
        // lock_not_available: lock_timeout ran out, on a row
        "55P03" if in_a_row => Class::Locked,
        // serialization_failure, deadlock_detected, or the lock was somebody's on a whole table
        "40001" | "40P01" | "55P03" => Class::Retry,
        // read_only_sql_transaction: a standby, or a primary that was demoted;
        // idle_in_transaction_session_timeout: we stalled, and the transaction is gone;
        // invalid_sql_statement_name, duplicate_prepared_statement: the session is not the one
        // that we prepared our statements in
        "25006" | "25P03" | "26000" | "42P05" => Class::Unavailable,
        _ => match &sqlstate[..2.min(sqlstate.len())] {
            // connection exception; insufficient resources; operator intervention; system error
            "08" | "53" | "57" | "58" => Class::Unavailable,
            _ => Class::Refused,
        },
    }
}

fn sqlite(code: i32) -> Class {
    // The low byte is the primary result code, the rest says more about it.
    match code & 0xff {
        // BUSY, LOCKED, PROTOCOL: somebody else was at work
        5 | 6 | 15 => Class::Retry,
        // NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN: until there is room, or a right
        7 | 8 | 9 | 10 | 13 | 14 => Class::Unavailable,
        // CORRUPT and NOTADB among them: no time mends that, and only what meets a bad page fails
        _ => Class::Refused,
    }
}
