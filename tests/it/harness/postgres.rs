//! What a test does with a database on PostgreSQL only.

use std::net::SocketAddr;

use sea_orm::ConnectionTrait;

use super::database::connect_raw;
use super::{Backend, Cluster, TestDatabase};

impl TestDatabase {
    /// An empty database in a cluster that belongs to the test.
    pub(crate) async fn create_in(cluster: &Cluster) -> Self {
        Self::create_on(cluster.url(), "orders_test".to_owned()).await
    }

    pub(super) async fn create_on(server: String, name: String) -> Self {
        let database = Self::existing(server, name);
        let create = format!("CREATE DATABASE {}", database.name);
        database.administer(&create).await;
        database
    }

    /// The same database in a cluster that was promoted to primary.
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

    /// The address of its server.
    pub(crate) fn address(&self) -> SocketAddr {
        let server = url::Url::parse(&self.url).unwrap();
        server.socket_addrs(|| Some(5432)).unwrap()[0]
    }

    /// Its URL through a proxy or pooler at `address`, with a query.
    pub(crate) fn url_through(&self, address: SocketAddr) -> String {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_ip_host(address.ip()).unwrap();
        url.set_port(Some(address.port())).unwrap();
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.into()
    }

    /// Copies the database. Nobody may be connected.
    pub(crate) async fn back_up(&self) {
        let copy = format!("CREATE DATABASE {0}_backup TEMPLATE {0}", self.name);
        self.administer(&copy).await;
    }

    /// Replaces the database by its copy and ends all sessions.
    pub(crate) async fn restore(&self) {
        let name = &self.name;
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        let rename = format!("ALTER DATABASE {name}_backup RENAME TO {name}");
        for statement in [drop, rename] {
            self.administer(&statement).await;
        }
    }

    /// Sets a default of its new sessions.
    pub(crate) async fn set(&self, setting: &str, value: &str) {
        let name = &self.name;
        self.administer(&format!("ALTER DATABASE {name} SET {setting} = '{value}'"))
            .await;
    }

    /// Waits until a session of the service waits for a lock.
    pub(crate) async fn wait_for_blocked_session(&self) {
        let blocked = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'orders' \
                       AND wait_event_type = 'Lock'";
        self.until(blocked, |sessions| sessions > 0).await;
    }

    /// Terminates every session of the service and returns their number.
    pub(crate) async fn terminate_sessions(&self) -> i64 {
        self.count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'orders'",
        )
        .await
    }

    /// Allows connections, or refuses new ones and ends all others.
    pub(crate) async fn allow_connections(&self, allowed: bool) {
        let name = &self.name;
        self.administer(&format!(
            "ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}"
        ))
        .await;
        if !allowed {
            self.administer(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            ))
            .await;
        }
    }

    pub(super) async fn administer(&self, statement: &str) {
        let server = connect_raw(&format!("{}/postgres", self.server)).await;
        server.execute_unprepared(statement).await.unwrap();
        server.close().await.unwrap();
    }
}
