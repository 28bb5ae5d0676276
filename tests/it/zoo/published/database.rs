//! Connections whose transactions are begun and ended by hand, as the tutorials do it.

use std::sync::Mutex;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult,
    Statement, Value,
};
use tokio::sync::Semaphore;

const TABLES: &str = "
    CREATE TABLE orders (id bigserial PRIMARY KEY, marker text NOT NULL, number bigint NOT NULL);
    CREATE TABLE keys (key text PRIMARY KEY, hash text, status text, body text,
        locked_at timestamptz);
";

/// Creates the tables of all designs.
pub(super) async fn create_tables(url: &str) {
    let database = Database::connect(url).await.unwrap();
    database.execute_unprepared(TABLES).await.unwrap();
    database.close().await.unwrap();
}

/// A few connections, which come back as they were left.
pub(in crate::zoo) struct Pool {
    url: String,
    idle: Mutex<Vec<DatabaseConnection>>,
    permits: Semaphore,
}

/// One session of the database.
pub(super) struct Session(DatabaseConnection);

impl Pool {
    pub(in crate::zoo) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            idle: Mutex::default(),
            permits: Semaphore::new(16),
        }
    }

    /// Runs `work` on a connection.
    pub(super) async fn with<T>(&self, work: impl AsyncFnOnce(&Session) -> T) -> T {
        let _permit = self.permits.acquire().await.unwrap();
        let idle = self.idle.lock().unwrap().pop();
        let session = match idle {
            Some(session) => session,
            None => self.connect().await,
        };
        let session = Session(session);
        let result = work(&session).await;
        self.idle.lock().unwrap().push(session.0);
        result
    }

    async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options
            .min_connections(1)
            .max_connections(1)
            .sqlx_logging(false);
        options.test_before_acquire(false);
        Database::connect(options).await.unwrap()
    }
}

impl Session {
    /// Runs a statement and returns its rows.
    pub(super) async fn rows(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        self.0.query_all_raw(statement).await
    }

    /// Runs a statement and returns how many rows it changed.
    pub(super) async fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        Ok(self.0.execute_raw(statement).await?.rows_affected())
    }

    /// Runs `BEGIN`, `COMMIT` or `ROLLBACK`.
    pub(super) async fn control(&self, command: &str) -> Result<(), DbErr> {
        self.0.execute_unprepared(command).await.map(drop)
    }
}
