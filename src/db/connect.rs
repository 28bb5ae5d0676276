//! Opens connections, with every setting that matters stated.

use std::future::ready;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Instant;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection as _, Database, Pool};
use sea_orm::{DbBackend, SqlxPostgresConnector, SqlxSqliteConnector};

use super::checkpoint::{self, Checkpointer};
use super::connection::Connection;
use super::file::FileGuard;
use super::session::{SessionSettings, inspect};
use super::{ConnectError, Settings, SettingsScope};

/// Page size of a new SQLite file. The log holds whole pages, and a random key changes a page of
/// its own, so half of the usual 4096 bytes nearly halves the log.
const PAGE_BYTES: u32 = 2048;

/// Prepared statements that a connection keeps: a batch has a text for every number of rows.
const STATEMENTS: usize = 512;

/// What a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Statements of many tasks, none of which can repeat what met a broken connection: each
    /// connection is checked before use.
    Shared(NonZeroU32),
    /// Transactions of one owner, one after the other, which repeats what failed.
    Lane,
    /// The same, of which a crash may undo the last ones.
    Background,
}

/// Opens a pool and proves that the database accepts a connection.
pub(super) async fn pool(
    settings: &Settings,
    purpose: Purpose,
) -> Result<Connection, ConnectError> {
    let opening = async {
        match settings.url.backend() {
            DbBackend::Sqlite => sqlite_pool(settings, purpose).await,
            _ => postgres_pool(settings, purpose).await,
        }
    };
    match tokio::time::timeout(settings.connect_timeout, opening).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(failure)) => Err(ConnectError::new(settings, failure)),
        Err(_elapsed) => Err(ConnectError::NoAnswer {
            url: settings.url.clone(),
            waited: settings.connect_timeout,
        }),
    }
}

/// Why no connection was opened.
pub(super) enum ConnectFailure {
    Driver(sqlx::Error),
    /// The session does not have the value that it was given.
    Dropped(&'static str),
}

impl From<sqlx::Error> for ConnectFailure {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

async fn sqlite_pool(settings: &Settings, purpose: Purpose) -> Result<Connection, ConnectFailure> {
    let mut options = sqlite_options(settings)?;
    if purpose == Purpose::Background {
        // The next commit of a lane makes it durable.
        options = checkpoint::options(options).synchronous(SqliteSynchronous::Normal);
    }
    // The first connection is opened directly, as for PostgreSQL below.
    options.connect().await?.close().await?;
    // An empty file in place of one that was removed would not be the database.
    options = options.create_if_missing(false);
    let guard = || FileGuard::new(options.get_filename().to_owned());
    let file = guard();
    let mut checkpointer = None;
    if purpose == Purpose::Lane {
        let pool = lazy_pool(options.clone(), settings, purpose, guard());
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
        checkpointer = Some(Checkpointer::start(connection));
        options = checkpoint::options(options);
    }
    let pool: Pool<sqlx::Sqlite> = lazy_pool(options, settings, purpose, file.clone());
    let sessions = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
    Ok(Connection::sqlite(sessions, file, checkpointer))
}

async fn postgres_pool(
    settings: &Settings,
    purpose: Purpose,
) -> Result<Connection, ConnectFailure> {
    let session_settings = SessionSettings::new(settings);
    let options = postgres_options(settings, &session_settings, purpose)?;
    // The first connection is opened directly: the pool would retry until its timeout and not
    // tell why it failed.
    let server = inspect(&options).await?;
    let scope = settings.url.settings_scope();
    if scope == SettingsScope::Session
        && let Some(name) = session_settings.dropped(&server)
    {
        return Err(ConnectFailure::Dropped(name));
    }
    let plans_off = if purpose == Purpose::Background {
        server.plans_that_read_all()
    } else {
        Vec::new()
    };
    let options = match scope {
        SettingsScope::PooledTransaction => options,
        _ => options.options(plans_off.iter().map(|name| (name, "off"))),
    };
    let pool: Pool<sqlx::Postgres> = lazy_pool(options, settings, purpose, None);
    Ok(Connection::postgres(
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
        session_settings.preamble(scope, &plans_off),
        server.is_replicated(),
    ))
}

fn lazy_pool<D: Database>(
    options: <D::Connection as sqlx::Connection>::Options,
    settings: &Settings,
    purpose: Purpose,
    file: Option<FileGuard>,
) -> Pool<D> {
    let connections = match purpose {
        Purpose::Shared(connections) => connections.get(),
        Purpose::Background => 1,
        Purpose::Lane if settings.url.backend() == DbBackend::Sqlite => 1,
        // The second reads while a transaction is begun on the first.
        Purpose::Lane => 2,
    };
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(settings.connect_timeout)
        // sqlx's idle reaper can busy-loop (sqlx#3645).
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(matches!(purpose, Purpose::Shared(_)))
        // Replaces connections to a file that was removed or replaced.
        .before_acquire(move |_, connection| {
            let opened = || Instant::now().checked_sub(connection.age);
            let current = |file: &FileGuard| {
                let (seen, opened) = file.look().zip(opened())?;
                Some(seen.includes(opened))
            };
            let keep = file.as_ref().is_none_or(|file| current(file) == Some(true));
            Box::pin(ready(Ok(keep)))
        })
        .connect_lazy_with(options)
}

/// Sends settings as startup options, which cost no statement and override the defaults of
/// database and role. A pooler in transaction mode gets none: it would reject them.
fn postgres_options(
    settings: &Settings,
    session: &SessionSettings,
    purpose: Purpose,
) -> Result<PgConnectOptions, sqlx::Error> {
    let mut options = PgConnectOptions::from_str(settings.url.reveal())?
        .application_name("orders")
        // Only floating-point output needs it, and there is none.
        .extra_float_digits(None)
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    if settings.url.settings_scope() == SettingsScope::PooledTransaction {
        // A statement outlives its transaction on a session that is no longer ours.
        return Ok(options.statement_cache_capacity(0));
    }
    if purpose == Purpose::Background {
        options = options.options([("synchronous_commit", "off")]);
    }
    if !matches!(purpose, Purpose::Shared(_)) {
        // A plan that was made while a table was empty stays for the life of its prepared
        // statement, and a sequential scan was right then.
        options = options.options([("enable_seqscan", "off")]);
    }
    let options = options
        .options(session.limits())
        // READ COMMITTED has no serialization failures. Where it cannot be had, the lane retries.
        .options([("default_transaction_isolation", "read committed")]);
    Ok(options)
}

/// WAL lets readers work beside the one writer. FULL, because an acknowledged order must survive
/// a power failure, not only the death of the process.
fn sqlite_options(settings: &Settings) -> Result<SqliteConnectOptions, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(settings.url.reveal())?;
    Ok(options
        .create_if_missing(settings.create_missing)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(settings.lock_wait)
        .statement_cache_capacity(STATEMENTS)
        .foreign_keys(true)
        // A statement with many rows keeps a copy of every page that it changes, so that it can be
        // undone alone. More than 64 KiB of them would go into a new temporary file.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging())
}
