//! The start of a service with operations of its own: environment, database, tables, lanes.

use std::env;
use std::error::Error as _;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use poem::{IntoEndpoint, Route};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Schema};
use tokio::task::JoinSet;

use super::{Server, Settings, metrics, resolve, shutdown_signal};
use crate::db::{self, ConnectError, Database, DatabaseUrl, InvalidUrl, SchemaError};
use crate::idempotency::{self, Executor, Lanes, Operation, Retention, Sweeper};

/// How often expired keys are swept: as in `orders serve`.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// A service on one database, with the default settings of `orders serve`.
#[derive(Debug)]
pub struct Service {
    host: String,
    port: u16,
    database: Database,
    lanes: Vec<Lanes>,
}

/// Why a service does not start, or has ended. `Debug` shows the message and its causes, so that
/// `main` may return it.
#[derive(thiserror::Error)]
pub enum ServiceError {
    /// `PORT` is not a port.
    #[error("PORT must be a number from 0 to 65535, not {0:?}")]
    Port(String),
    /// `DATABASE_URL` is not a database URL. Its value is not shown: it may hold a password.
    #[error("DATABASE_URL is invalid")]
    DatabaseUrl(#[from] InvalidUrl),
    /// The database cannot be reached or written.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The table of keys cannot be created.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A table of the service cannot be created.
    #[error("cannot create the table {table}")]
    Table {
        /// The table.
        table: String,
        /// Why it failed.
        source: DbErr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {host}:{port}")]
    Listen {
        /// The value of `HOST`.
        host: String,
        /// The value of `PORT`.
        port: u16,
        /// Why it failed.
        source: io::Error,
    },
    /// The server failed.
    #[error("cannot serve")]
    Serve(#[source] io::Error),
}

impl Service {
    /// Connects to the database and creates the table of keys.
    ///
    /// Reads `HOST` (default 127.0.0.1), `PORT` (default 3000; 0 picks a free one) and
    /// `DATABASE_URL` (default: SQLite in the file `NAME.db` in the working directory).
    pub async fn from_env(name: &str) -> Result<Self, ServiceError> {
        let host = variable("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
        let port = variable("PORT").unwrap_or_else(|| "3000".to_owned());
        let port = port.parse().map_err(|_| ServiceError::Port(port))?;
        let url = match variable("DATABASE_URL") {
            Some(url) => url.parse()?,
            None => DatabaseUrl::sqlite(Path::new(&format!("./{name}.db"))),
        };
        let database = Database::connect(db::Settings::new(url)).await?;
        database.schema().up().await?;
        database.check_writable().await?;
        Ok(Self {
            host,
            port,
            database,
            lanes: Vec::new(),
        })
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Creates the table of an entity, unless it exists. Many instances may do so at once.
    pub async fn create_table(&self, entity: impl EntityTrait) -> Result<(), ServiceError> {
        let db = self.database.reads();
        let table = Schema::new(db.get_database_backend())
            .create_table_from_entity(entity)
            .if_not_exists()
            .take();
        // PostgreSQL lets one of two fail that create a table at the same moment. By then the
        // other's is there.
        let created = match db.execute(&table).await {
            Err(_) => db.execute(&table).await,
            created => created,
        };
        created.map(drop).map_err(|source| ServiceError::Table {
            table: entity.table_name().to_owned(),
            source,
        })
    }

    /// Starts the lanes of an operation.
    pub fn executor<O: Operation>(&mut self) -> Result<Executor<O>, ServiceError> {
        let settings = idempotency::Settings::default();
        let started = Executor::start(&self.database, &settings);
        let (executor, lanes) = started.map_err(ServiceError::Serve)?;
        self.lanes.push(lanes);
        Ok(executor)
    }

    /// Prints the URL and serves `routes`, and `/metrics`, until Ctrl-C or SIGTERM. Then answers the
    /// requests in flight.
    pub async fn serve(
        self,
        routes: impl IntoEndpoint<Endpoint: 'static>,
    ) -> Result<(), ServiceError> {
        let shutdown = shutdown_signal().map_err(ServiceError::Serve)?;
        let (host, port) = (self.host, self.port);
        let listen = |source| ServiceError::Listen {
            host: host.clone(),
            port,
            source,
        };
        let address = resolve(&host, port).await.map_err(listen)?;
        let settings = Settings::default();
        let mut sweeping = JoinSet::new();
        let sweeper = Sweeper::new(self.database.clone(), Retention::default());
        sweeping.spawn(sweeper.run(SWEEP_INTERVAL));
        let routes = Route::new()
            .at("/metrics", metrics::page(self.database.reads().clone()))
            .nest_no_strip("/", routes);
        let server = Server::with_routes(address, self.database, settings, routes, self.lanes)
            .map_err(listen)?;
        // The service does not depend on a reader of its URL.
        let _ = writeln!(io::stdout(), "{}", server.url());
        server
            .run_until(shutdown)
            .await
            .map_err(ServiceError::Serve)
    }
}

/// The value of an environment variable, even if it is empty.
fn variable(name: &str) -> Option<String> {
    Some(env::var_os(name)?.to_string_lossy().into_owned())
}

impl fmt::Debug for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
