//! Opening connections, with every setting that matters stated.

use std::num::NonZeroU32;
use std::str::FromStr;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection, Database, PgConnection, Pool};
use sea_orm::{DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector};

use super::{ConnectError, Settings};

/// Whether a connection is tried before each use, at the cost of a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// For whoever cannot repeat what met a broken connection.
    BeforeUse,
    /// For whoever can.
    Never,
}

/// Opens a pool of `connections`, having proved that the database takes one.
pub(super) async fn open(
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<DatabaseConnection, ConnectError> {
    let opening = async {
        if settings.url.backend() == DbBackend::Sqlite {
            let pool = pool::<sqlx::Sqlite>(sqlite(settings)?, settings, connections, check);
            Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.await?))
        } else {
            let pool = pool::<sqlx::Postgres>(postgres(settings)?, settings, connections, check);
            Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool.await?))
        }
    };
    in_time(settings, opening).await
}

/// Opens a connection to PostgreSQL outside of any pool.
pub(super) async fn alone(settings: &Settings) -> Result<Box<PgConnection>, ConnectError> {
    let opening = async {
        let options = postgres(settings)?.disable_statement_logging();
        Ok(Box::new(options.connect().await?))
    };
    in_time(settings, opening).await
}

async fn in_time<C>(
    settings: &Settings,
    opening: impl Future<Output = Result<C, sqlx::Error>>,
) -> Result<C, ConnectError> {
    let url = settings.url.clone();
    match tokio::time::timeout(settings.connect_timeout, opening).await {
        Ok(opened) => opened.map_err(|source| ConnectError::refused(url, source)),
        Err(_elapsed) => Err(ConnectError::NoAnswer {
            url,
            waited: settings.connect_timeout,
        }),
    }
}

async fn pool<D: Database>(
    options: <D::Connection as Connection>::Options,
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<Pool<D>, sqlx::Error> {
    let options = options.disable_statement_logging();
    // One connection by itself: the pool would try until its timeout and not tell why it failed.
    options.connect().await?.close().await?;
    Ok(PoolOptions::new()
        .max_connections(connections.get())
        .acquire_timeout(settings.connect_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(check == Check::BeforeUse)
        .connect_lazy_with(options))
}

/// Startup options, so that no statement has to be sent for them. They hold for the session
/// whatever the defaults of the database or the role are.
fn postgres(settings: &Settings) -> Result<PgConnectOptions, sqlx::Error> {
    let milliseconds = |duration: std::time::Duration| format!("{}ms", duration.as_millis());
    let statement_timeout = milliseconds(settings.statement_timeout);
    let options = PgConnectOptions::from_str(settings.url.reveal())?;
    Ok(options.application_name("orders").options([
        // A claim that met a conflict reads the winner in a new snapshot: only READ COMMITTED has
        // one per statement.
        ("default_transaction_isolation", "read committed"),
        ("lock_timeout", &milliseconds(settings.lock_wait)),
        ("statement_timeout", &statement_timeout),
        // A stalled instance must not hold its keys for longer than its batch may take.
        ("idle_in_transaction_session_timeout", &statement_timeout),
    ]))
}

/// One writer at a time is SQLite's rule; WAL lets readers go on beside it. FULL, because an
/// acknowledged order must survive the loss of power, not only of the process.
fn sqlite(settings: &Settings) -> Result<SqliteConnectOptions, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(settings.url.reveal())?;
    Ok(options
        .create_if_missing(settings.create_missing)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(settings.lock_wait)
        .foreign_keys(true))
}
