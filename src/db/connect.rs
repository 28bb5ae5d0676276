//! Opening connections, with every setting that matters stated.

use std::num::NonZeroU32;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, DatabaseConnection, DbBackend};

use super::{ConnectError, Settings};

/// Whether a connection is tried before each use, at the cost of a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// For whoever cannot repeat what met a broken connection.
    BeforeUse,
    /// For whoever can.
    Never,
}

/// Opens a pool of `connections`, having proved that one of them works.
pub(super) async fn open(
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<DatabaseConnection, ConnectError> {
    let mut options = ConnectOptions::new(settings.url.reveal());
    options
        .max_connections(connections.get())
        .min_connections(0)
        .connect_timeout(settings.connect_timeout)
        .acquire_timeout(settings.connect_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(check == Check::BeforeUse)
        .record_stmt_in_spans(false)
        .sqlx_logging(false);
    match settings.url.backend() {
        DbBackend::Sqlite => sqlite(&mut options, settings),
        _ => postgres(&mut options, settings),
    }
    // The pool would retry a refused connection until its timeout; the first answer is better.
    let connecting = sea_orm::Database::connect(options);
    match tokio::time::timeout(settings.connect_timeout, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(source)) => Err(ConnectError::Refused {
            url: settings.url.clone(),
            source,
        }),
        Err(_) => Err(ConnectError::NoAnswer {
            url: settings.url.clone(),
            waited: settings.connect_timeout,
        }),
    }
}

/// Startup options, so that no statement has to be sent for them. They hold for the session
/// whatever the defaults of the database or the role are.
fn postgres(options: &mut ConnectOptions, settings: &Settings) {
    let lock_wait = format!("{}ms", settings.lock_wait.as_millis());
    let statement = format!("{}ms", settings.statement_timeout.as_millis());
    options
        .set_application_name("orders")
        .map_sqlx_postgres_opts(move |pg: PgConnectOptions| {
            pg.options([
                // A claim that met a conflict reads the winner in a new snapshot: only READ COMMITTED
                // has one per statement.
                ("default_transaction_isolation", "read\\ committed"),
                ("lock_timeout", &lock_wait),
                ("statement_timeout", &statement),
                // A stalled instance must not hold its keys for longer than its batch may take.
                ("idle_in_transaction_session_timeout", &statement),
            ])
        });
}

/// One writer at a time is SQLite's rule; WAL lets readers go on beside it. FULL, because an
/// acknowledged order must survive the loss of power, not only of the process.
fn sqlite(options: &mut ConnectOptions, settings: &Settings) {
    let (busy, create) = (settings.lock_wait, settings.create_missing);
    options.map_sqlx_sqlite_opts(move |sqlite: SqliteConnectOptions| {
        sqlite
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(busy)
            .foreign_keys(true)
    });
}
