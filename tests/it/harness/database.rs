//! A database of a test's own, and what must hold in it when the test is over.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use orders::db::{Database, Settings};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tempfile::TempDir;
use uuid::Uuid;

use super::{Cluster, cluster};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// An empty database. It is kept if the test fails.
pub(crate) struct TestDatabase {
    pub(crate) backend: Backend,
    pub(crate) url: String,
    /// The folder of an SQLite file.
    folder: Option<TempDir>,
    /// The URL of a PostgreSQL server.
    server: String,
    name: String,
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

    /// An empty database in a cluster of the test's own.
    pub(crate) async fn create_in(cluster: &Cluster) -> Self {
        Self::create_on(cluster.url(), "orders_test".to_owned()).await
    }

    async fn create_on(server: String, name: String) -> Self {
        let database = Self::existing(server, name);
        let create = format!("CREATE DATABASE {}", database.name);
        database.administer(&create).await;
        database
    }

    /// The same database in a cluster that has become the primary.
    pub(crate) fn moved_to(self, cluster: &Cluster) -> Self {
        Self::existing(cluster.url(), self.name.clone())
    }

    fn existing(server: String, name: String) -> Self {
        Self {
            backend: Backend::Postgres,
            url: format!("{server}/{name}"),
            folder: None,
            server,
            name,
        }
    }

    /// Where its server listens. PostgreSQL only.
    pub(crate) fn address(&self) -> SocketAddr {
        let server = url::Url::parse(&self.url).unwrap();
        server.socket_addrs(|| Some(5432)).unwrap()[0]
    }

    /// Its URL through a proxy or pooler at `address`, with a query. PostgreSQL only.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    /// Gives all its new sessions a setting. PostgreSQL only.
    pub(crate) async fn set(&self, setting: &str, value: &str) {
        let name = &self.name;
        self.administer(&format!("ALTER DATABASE {name} SET {setting} = '{value}'"))
            .await;
    }

    /// Connects as the service does.
    pub(crate) async fn connect(&self) -> Database {
        Self::connect_to(&self.url).await
    }

    /// Connects to a database that is reached by another way.
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

    /// A connection beside the service, for looking and for interfering.
    pub(crate) async fn sql(&self) -> DatabaseConnection {
        beside(&self.url).await
    }

    /// One number from the database.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        let sql = self.sql().await;
        let row = sql
            .query_one_raw(Statement::from_string(self.backend(), query))
            .await;
        let count = row.unwrap().unwrap().try_get_by_index(0).unwrap();
        sql.close().await.unwrap();
        count
    }

    /// Waits until a query counts what is expected, and returns that.
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
        let counted = tokio::time::timeout(Duration::from_secs(15), counted).await;
        counted.unwrap_or_else(|_| panic!("in vain: {query}"))
    }

    /// Changes something beside the service.
    pub(crate) async fn execute(&self, statement: &str) {
        let sql = self.sql().await;
        sql.execute_unprepared(statement).await.unwrap();
        sql.close().await.unwrap();
    }

    pub(crate) async fn orders(&self) -> i64 {
        self.count("SELECT count(*) FROM orders").await
    }

    /// The stored response of every key.
    pub(crate) async fn responses(&self) -> HashMap<String, Bytes> {
        let sql = self.sql().await;
        let query = "SELECT key, response FROM idempotency_keys";
        let rows = sql.query_all_raw(Statement::from_string(self.backend(), query));
        let rows = rows.await.unwrap();
        sql.close().await.unwrap();
        let pair = |row: &sea_orm::QueryResult| {
            let response: Vec<u8> = row.try_get_by_index(1).unwrap();
            (row.try_get_by_index(0).unwrap(), response.into())
        };
        rows.iter().map(pair).collect()
    }

    /// The promise, as far as the tables show it: one order per key row, one key row per order,
    /// and the stored response is the order.
    pub(crate) async fn assert_promise(&self) {
        let orphans = "SELECT count(*) FROM orders WHERE id NOT IN \
                       (SELECT resource FROM idempotency_keys)";
        let empty = "SELECT count(*) FROM idempotency_keys WHERE resource NOT IN \
                     (SELECT id FROM orders)";
        let shared = "SELECT count(*) - count(DISTINCT resource) FROM idempotency_keys";
        assert_eq!(self.count(orphans).await, 0, "orders without a key");
        assert_eq!(self.count(empty).await, 0, "keys without an order");
        assert_eq!(self.count(shared).await, 0, "keys that share an order");

        let sql = self.sql().await;
        let query = "SELECT o.id, o.item, o.quantity, k.response FROM orders AS o \
                     JOIN idempotency_keys AS k ON k.resource = o.id";
        for row in sql
            .query_all_raw(Statement::from_string(self.backend(), query))
            .await
            .unwrap()
        {
            let id: Uuid = row.try_get_by_index(0).unwrap();
            let item: String = row.try_get_by_index(1).unwrap();
            let quantity: i64 = row.try_get_by_index(2).unwrap();
            let response: Vec<u8> = row.try_get_by_index(3).unwrap();
            let item = serde_json::to_string(&item).unwrap();
            let order = format!(r#"{{"id":"{id}","item":{item},"quantity":{quantity}}}"#);
            assert_eq!(String::from_utf8(response).unwrap(), order);
        }
        sql.close().await.unwrap();
    }

    /// Ends all connections to it and refuses new ones, or takes them again. PostgreSQL only.
    pub(crate) async fn take_connections(&self, taken: bool) {
        let name = &self.name;
        self.administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {taken}"))
            .await;
        if !taken {
            self.administer(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .await;
        }
    }

    /// Removes the database.
    pub(crate) async fn drop(self) {
        if self.backend == Backend::Postgres {
            self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name))
                .await;
        }
    }

    async fn administer(&self, statement: &str) {
        let server = beside(&format!("{}/postgres", self.server)).await;
        server.execute_unprepared(statement).await.unwrap();
        server.close().await.unwrap();
    }

    fn backend(&self) -> DbBackend {
        match self.backend {
            Backend::Sqlite => DbBackend::Sqlite,
            Backend::Postgres => DbBackend::Postgres,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the database is kept: {}", self.url);
            if let Some(folder) = self.folder.take() {
                let _ = folder.keep();
            }
        }
    }
}

/// Connections without what looks after idle ones, which may spin for ever (sqlx 3645).
async fn beside(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    let never = None::<Duration>;
    options.idle_timeout(never).max_lifetime(never);
    sea_orm::Database::connect(options).await.unwrap()
}
