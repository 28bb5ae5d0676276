//! Opening connections, with every setting that matters stated.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions, Connection as _, Database, Pool, Row};
use sea_orm::{DatabaseConnection, DbBackend, SqlxPostgresConnector, SqlxSqliteConnector};

use super::connection::Connection;
use super::file::{File, PAGE_BYTES};
use super::lent::SetLocal;
use super::writer::{Session, Writer};
use super::{ConnectError, Pooler, Settings};

/// Whether a connection is tried before each use, at the cost of a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// For whoever cannot repeat what met a broken connection.
    BeforeUse,
    /// For whoever can.
    Never,
}

/// Opens a pool of `connections`, having proved that the database takes one.
pub(super) async fn pool(
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<Connection, ConnectError> {
    in_time(settings, async {
        Ok(match settings.url.backend() {
            DbBackend::Sqlite => {
                Connection::new(sqlite_pool(settings, connections, check).await?, None)
            }
            _ => postgres_pool(settings, connections, check).await?,
        })
    })
    .await
}

/// Opens the connection of a lane.
pub(super) async fn writer(settings: &Settings) -> Result<Writer, ConnectError> {
    in_time(settings, async {
        Ok(match settings.url.backend() {
            DbBackend::Sqlite => {
                let options = sqlite(settings)?;
                Writer::Sqlite(Box::new(File::open(
                    options.get_filename(),
                    settings.lock_wait,
                )?))
            }
            _ => Writer::Postgres(Box::new(session(settings).await?)),
        })
    })
    .await
}

async fn in_time<C>(
    settings: &Settings,
    opening: impl Future<Output = Result<C, Failure>>,
) -> Result<C, ConnectError> {
    let url = settings.url.clone();
    match tokio::time::timeout(settings.connect_timeout, opening).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(failure)) => Err(ConnectError::new(url, failure)),
        Err(_elapsed) => Err(ConnectError::NoAnswer {
            url,
            waited: settings.connect_timeout,
        }),
    }
}

/// Why no connection was opened.
pub(super) enum Failure {
    Driver(sqlx::Error),
    Sqlite(rusqlite::Error),
    /// The session has another value than it was told.
    Dropped(&'static str),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

async fn sqlite_pool(
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<DatabaseConnection, Failure> {
    let options = sqlite(settings)?.disable_statement_logging();
    // One connection by itself, as for PostgreSQL below.
    options.connect().await?.close().await?;
    let pool: Pool<sqlx::Sqlite> = lazily(options, settings, connections, check);
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool))
}

async fn postgres_pool(
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Result<Connection, Failure> {
    let (options, told) = postgres(settings)?;
    // One connection by itself: the pool would try until its timeout and not tell why it failed.
    let (connection, server) = inspected(&options).await?;
    connection.close().await?;
    let lent = told.lent(settings.url.pooler(), &server)?;
    let pool: Pool<sqlx::Postgres> = lazily(options, settings, connections, check);
    let sessions = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok(Connection::new(sessions, lent))
}

async fn session(settings: &Settings) -> Result<Session, Failure> {
    let (options, told) = postgres(settings)?;
    let (connection, server) = inspected(&options).await?;
    let lent = told.lent(settings.url.pooler(), &server)?;
    Ok(Session::new(connection, lent, server.is_replicated()))
}

fn lazily<D: Database>(
    options: <D::Connection as sqlx::Connection>::Options,
    settings: &Settings,
    connections: NonZeroU32,
    check: Check,
) -> Pool<D> {
    PoolOptions::new()
        .max_connections(connections.get())
        .acquire_timeout(settings.connect_timeout)
        // What looks after idle connections may spin for ever (sqlx 3645).
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(check == Check::BeforeUse)
        .connect_lazy_with(options)
}

/// The bounds that PostgreSQL is told, in milliseconds.
struct Told([(&'static str, u128); 3]);

impl Told {
    fn new(settings: &Settings) -> Self {
        let milliseconds = |duration: Duration| duration.as_millis();
        Self([
            ("lock_timeout", milliseconds(settings.lock_wait)),
            (
                "statement_timeout",
                milliseconds(settings.statement_timeout),
            ),
            // A stalled instance must not hold its keys for longer than its batch may take.
            (
                "idle_in_transaction_session_timeout",
                milliseconds(settings.statement_timeout),
            ),
        ])
    }

    /// What a session that is lent has to be told in every transaction; nothing if it is our own
    /// and was told already.
    fn lent(&self, pooler: Pooler, server: &Server) -> Result<Option<SetLocal>, Failure> {
        if pooler == Pooler::Transaction {
            return Ok(Some(self.locally()));
        }
        match self.dropped(server) {
            Some(setting) => Err(Failure::Dropped(setting)),
            None => Ok(None),
        }
    }

    fn locally(&self) -> SetLocal {
        let set = |(name, value): &(&str, u128)| format!("SET LOCAL {name} = '{value}ms'");
        SetLocal(self.0.iter().map(set).collect::<Vec<_>>().join("; "))
    }

    /// The first that has not come through: without it a key that is held elsewhere would be
    /// waited for without a bound.
    fn dropped(&self, server: &Server) -> Option<&'static str> {
        let dropped =
            |(name, value): &&(&str, u128)| server.setting(name) != Some(value.to_string());
        self.0.iter().find(dropped).map(|(name, _)| *name)
    }
}

/// What a session says of itself and of its server.
struct Server(Vec<(String, String)>);

/// Opens a session and asks it. Unprepared, so that it leaves nothing behind if it is lent.
async fn inspected(
    options: &PgConnectOptions,
) -> Result<(sqlx::PgConnection, Server), sqlx::Error> {
    let mut session = options.connect().await?;
    let settings = sqlx::raw_sql(
        "SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', \
         'statement_timeout', 'idle_in_transaction_session_timeout', 'synchronous_standby_names')",
    );
    let rows = settings.fetch_all(&mut session).await?;
    let pairs = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let server = Server(pairs.collect::<Result<_, sqlx::Error>>()?);
    Ok((session, server))
}

impl Server {
    fn setting(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.clone())
    }

    /// Whether its commits wait for a standby.
    fn is_replicated(&self) -> bool {
        self.setting("synchronous_standby_names")
            .is_some_and(|names| !names.is_empty())
    }
}

/// Startup options, so that no statement has to be sent for them. They hold for the session
/// whatever the defaults of the database or the role are. A pooler in transaction mode is told
/// nothing: it would refuse them, and what it took would be another's.
fn postgres(settings: &Settings) -> Result<(PgConnectOptions, Told), sqlx::Error> {
    let told = Told::new(settings);
    let options = PgConnectOptions::from_str(settings.url.reveal())?
        .application_name("orders")
        // For floating-point numbers, of which there are none.
        .extra_float_digits(None)
        .disable_statement_logging();
    if settings.url.pooler() == Pooler::Transaction {
        return Ok((options, told));
    }
    let bounds = told.0.map(|(name, value)| (name, format!("{value}ms")));
    let options = options
        .options(bounds)
        // It meets no serialization failures. Where it cannot be had, those are run again.
        .options([("default_transaction_isolation", "read committed")]);
    Ok((options, told))
}

/// One writer at a time is SQLite's rule; WAL lets readers go on beside it. FULL, because an
/// acknowledged order must survive the loss of power, not only of the process.
fn sqlite(settings: &Settings) -> Result<SqliteConnectOptions, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(settings.url.reveal())?;
    Ok(options
        .create_if_missing(settings.create_missing)
        .page_size(PAGE_BYTES)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(settings.lock_wait)
        .foreign_keys(true))
}
