//! A database of its own for each test.

use std::time::Duration;

use orders::db::{Database, Settings};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use tempfile::TempDir;
use uuid::Uuid;

use super::cluster;

/// The kind of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// A database, empty at first. It is kept if the test fails.
pub(crate) struct TestDatabase {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    /// The directory of an SQLite file.
    pub(super) folder: Option<TempDir>,
    /// The URL of a PostgreSQL server.
    pub(super) server: String,
    pub(super) name: String,
}

impl TestDatabase {
    pub(crate) async fn create(backend: Backend) -> Self {
        let name = format!("orders_test_{}", Uuid::now_v7().simple());
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::Builder::new()
                    .prefix("orders-test-")
                    .tempdir()
                    .unwrap();
                let url = format!("sqlite://{}/orders.db", folder.path().display());
                Self {
                    backend,
                    url,
                    folder: Some(folder),
                    server: String::new(),
                    name,
                }
            }
            Backend::Postgres => Self::create_on(cluster::url().to_owned(), name).await,
        }
    }

    /// The SQLite database in a file that stays.
    pub(crate) fn of_file(file: &std::path::Path) -> Self {
        Self {
            backend: Backend::Sqlite,
            url: format!("sqlite://{}", file.display()),
            folder: None,
            server: String::new(),
            name: String::new(),
        }
    }

    /// Runs a test on a database with the schema, and asserts the promise at the end.
    pub(crate) async fn test(backend: Backend, test: impl AsyncFnOnce(&Self)) {
        let database = Self::create_migrated(backend).await;
        test(&database).await;
        database.finish().await;
    }

    /// A database with the schema.
    pub(crate) async fn create_migrated(backend: Backend) -> Self {
        let database = Self::create(backend).await;
        database.migrate().await;
        database
    }

    /// Creates the schema.
    pub(crate) async fn migrate(&self) {
        self.connect().await.schema().up().await.unwrap();
    }

    /// Asserts the promise and removes the database.
    pub(crate) async fn finish(self) {
        self.assert_promise().await;
        self.drop().await;
    }

    /// Connects as the service does.
    pub(crate) async fn connect(&self) -> Database {
        Self::connect_to(&self.url).await
    }

    /// Connects to a URL, such as that of a proxy.
    pub(crate) async fn connect_to(url: &str) -> Database {
        Database::connect(Settings {
            url: url.parse().unwrap(),
            create_missing: true,
            read_connections: std::num::NonZeroU32::new(2).unwrap(),
            connect_timeout: Duration::from_secs(5),
            lock_wait: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(5),
        })
        .await
        .unwrap()
    }

    /// Connects without the code of the service.
    pub(crate) async fn sql(&self) -> DatabaseConnection {
        connect_raw(&self.url).await
    }

    /// The rows of a query.
    pub(super) async fn rows(&self, query: &str) -> Vec<QueryResult> {
        let sql = self.sql().await;
        let query = Statement::from_string(sql.get_database_backend(), query);
        let rows = sql.query_all_raw(query).await.unwrap();
        sql.close().await.unwrap();
        rows
    }

    /// The number that a query returns.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.rows(query).await[0].try_get_by_index(0).unwrap()
    }

    /// Waits until a query returns an expected number, and returns it.
    pub(crate) async fn until(&self, query: &str, expected: impl Fn(i64) -> bool) -> i64 {
        let counted = async {
            loop {
                let count = self.count(query).await;
                if expected(count) {
                    return count;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let counted = tokio::time::timeout(Duration::from_mins(1), counted).await;
        counted.unwrap_or_else(|_| panic!("not the expected number within a minute: {query}"))
    }

    /// Executes a statement on a connection of its own.
    pub(crate) async fn execute(&self, statement: &str) {
        let sql = self.sql().await;
        sql.execute_unprepared(statement).await.unwrap();
        sql.close().await.unwrap();
    }

    /// Removes the database.
    pub(crate) async fn drop(self) {
        if self.backend == Backend::Postgres {
            self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
                .await;
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the database is kept for inspection: {}", self.url);
            if let Some(folder) = self.folder.take() {
                let _ = folder.keep();
            }
        }
    }
}

/// Connects without sqlx's idle reaper, which can busy-loop (sqlx#3645).
pub(super) async fn connect_raw(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    let never = None::<Duration>;
    options.idle_timeout(never).max_lifetime(never);
    sea_orm::Database::connect(options).await.unwrap()
}
