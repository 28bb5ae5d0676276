//! Errors of connecting, and classes of the errors of statements.

use std::fmt;
use std::time::Duration;

use sea_orm::sqlx;
use sea_orm::sqlx::error::DatabaseError;
use sea_orm::{DbErr, RuntimeErr};

use super::connect::ConnectFailure;
use super::{DatabaseUrl, FileProblem, Settings};
use crate::telemetry::FailureReason;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The database or the network refused.
    #[error("cannot connect to the database {url}")]
    Refused {
        /// The database.
        url: DatabaseUrl,
        /// The cause.
        source: Cause,
    },
    /// The file of an SQLite database cannot be opened.
    #[error("cannot open the database {url}: {problem}")]
    File {
        /// The database.
        url: DatabaseUrl,
        /// The cause.
        problem: FileProblem,
    },
    /// The database did not answer.
    #[error("the database {url} did not answer within {waited:?}")]
    NoAnswer {
        /// The database.
        url: DatabaseUrl,
        /// The connect timeout.
        waited: Duration,
    },
    /// A pooler drops the settings of a session.
    #[error(
        "the connection to {url} loses the setting {setting} to a pooler: add \
         pooler=transaction to the URL, or see docs/databases.md"
    )]
    Dropped {
        /// The database.
        url: DatabaseUrl,
        /// The first setting that was lost.
        setting: &'static str,
    },
    /// The database can be read but not written.
    #[error("cannot write to the database {url}")]
    ReadOnly {
        /// The database.
        url: DatabaseUrl,
        /// The cause.
        source: DbErr,
    },
}

impl ConnectError {
    /// Whether it may pass by itself: nobody listens yet, a name is not known yet, the server is
    /// starting or full.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Refused {
                source: Cause(error),
                ..
            } => match error.as_database_error() {
                // operator intervention (starting up), insufficient resources
                Some(error) => error
                    .code()
                    .is_some_and(|code| code.len() == 5 && matches!(&code[..2], "57" | "53")),
                None => matches!(error, sqlx::Error::Io(_)),
            },
            Self::File { .. } | Self::Dropped { .. } | Self::ReadOnly { .. } => false,
        }
    }

    pub(super) fn new(settings: &Settings, failure: ConnectFailure) -> Self {
        let url = settings.url.clone();
        match failure {
            ConnectFailure::Dropped(setting) => Self::Dropped { url, setting },
            ConnectFailure::Driver(error) if rejects_settings(&error) => Self::Dropped {
                url,
                setting: "options",
            },
            ConnectFailure::Driver(error) => {
                let problem = cannot_open(&error)
                    .then(|| FileProblem::find(&url, settings.create_missing))
                    .flatten();
                match problem {
                    Some(problem) => Self::File { url, problem },
                    None => Self::Refused {
                        url,
                        source: Cause(error),
                    },
                }
            }
        }
    }
}

/// Whether SQLite cannot open the file (CANTOPEN).
fn cannot_open(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    let error = error.and_then(|error| error.try_downcast_ref::<sqlx::sqlite::SqliteError>());
    let code = error.and_then(|error| DatabaseError::code(error)?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == 14)
}

/// PgBouncer rejects startup options unless it is configured to ignore them.
fn rejects_settings(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().contains("unsupported startup parameter"))
}

/// An error of the driver, in the words of the database.
#[derive(Debug)]
pub struct Cause(sqlx::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_database_error() {
            Some(database) => f.write_str(database.message()),
            None => self.0.fmt(f),
        }
    }
}

impl std::error::Error for Cause {}

/// What to do after a transaction has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    /// Run it again: it lost a conflict that does not repeat itself (serialization failure,
    /// deadlock, busy SQLite file).
    Retry,
    /// Another transaction held one of the rows for longer than the lock wait: bisect.
    Locked,
    /// The connection or the database is gone or has no room. Run it again on a new connection;
    /// whether it was committed is unknown.
    Unavailable,
    /// The server failed in a way that one row may or may not cause: bisect, and treat a single
    /// request as [`ErrorClass::Unavailable`].
    Internal,
    /// The database rejected what was written. One row may be the cause: bisect.
    Rejected,
}

impl From<ErrorClass> for FailureReason {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Retry => Self::Conflict,
            ErrorClass::Locked => Self::Locked,
            ErrorClass::Unavailable => Self::Unavailable,
            ErrorClass::Internal => Self::Internal,
            ErrorClass::Rejected => Self::Rejected,
        }
    }
}

/// Classifies the error of a statement, of BEGIN or of COMMIT.
///
/// PostgreSQL by SQLSTATE (PostgreSQL 15, appendix A), SQLite by result code.
#[must_use]
pub fn class(error: &DbErr) -> ErrorClass {
    let source = match error {
        DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Query(RuntimeErr::SqlxError(source)) => source,
        // Nothing was sent, for want of a connection.
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => return ErrorClass::Unavailable,
        _ => return ErrorClass::Rejected,
    };
    let Some(database) = source.as_database_error() else {
        return match source.as_ref() {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. } => ErrorClass::Rejected,
            _ => ErrorClass::Unavailable,
        };
    };
    let Some(code) = database.code() else {
        return ErrorClass::Rejected;
    };
    match database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        Some(error) => postgres(&code, error.r#where().is_some()),
        None => sqlite(code.parse().unwrap_or_default()),
    }
}

/// `in_a_row`: the error has a context, such as the index tuple that was being inserted.
fn postgres(sqlstate: &str, in_a_row: bool) -> ErrorClass {
    match sqlstate {
        // lock_not_available: lock_timeout ran out, on a row
        "55P03" if in_a_row => ErrorClass::Locked,
        // serialization_failure, deadlock_detected, or the lock was on a whole table
        "40001" | "40P01" | "55P03" => ErrorClass::Retry,
        // read_only_sql_transaction: a standby, or a primary that was demoted;
        // idle_in_transaction_session_timeout: this instance stalled, and the transaction is gone;
        // invalid_sql_statement_name, duplicate_prepared_statement: the session is not the one
        // that the statement was prepared in
        "25006" | "25P03" | "26000" | "42P05" => ErrorClass::Unavailable,
        // internal_error: Citus reports the loss of a worker so
        "XX000" => ErrorClass::Internal,
        _ => match &sqlstate[..2.min(sqlstate.len())] {
            // connection exception; insufficient resources; operator intervention; system error
            "08" | "53" | "57" | "58" => ErrorClass::Unavailable,
            _ => ErrorClass::Rejected,
        },
    }
}

fn sqlite(code: i32) -> ErrorClass {
    // The low byte is the primary result code, the rest says more about it.
    match code & 0xff {
        // BUSY, LOCKED, PROTOCOL: another connection is at work
        5 | 6 | 15 => ErrorClass::Retry,
        // NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN: until there is room, or permission
        7 | 8 | 9 | 10 | 13 | 14 => ErrorClass::Unavailable,
        // CORRUPT and NOTADB among them: waiting does not mend a page, and other pages still work
        _ => ErrorClass::Rejected,
    }
}
