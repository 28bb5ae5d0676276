//! Upgrades: the schema of each release, full of its orders and keys, is migrated while clients of
//! that release and of this one use the database side by side.
//!
//! The former release is played by its statements, which never change here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::harness::{Acknowledged, Client, Process, TestDatabase, on_both, on_postgres, order};

/// Each released version and how many migrations it had.
const RELEASES: [(&str, u32); 1] = [("0.1.0", 2)];

/// Keys that the former release has stored before the upgrade.
const STORED: usize = 300;

/// How long a statement of a client may wait for the migration, as the default `--lock-wait`.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// The request id of the original: the former release stores none.
const ORIGINAL: &str = "idempotent-original-request-id";

/// An instance of release 0.1.0: its keys, fingerprints and statements.
struct Former {
    sql: DatabaseConnection,
}

/// A row of `idempotency_keys`, as 0.1.0 reads it.
#[derive(Debug, PartialEq)]
struct Row {
    fingerprint: Vec<u8>,
    refusal: Option<i64>,
    response: Vec<u8>,
}

fn digest(key: &str) -> Uuid {
    let digest = Sha256::digest(format!("place_order\0{key}"));
    Uuid::from_slice(&digest[..16]).unwrap()
}

fn fingerprint(key: &str) -> Vec<u8> {
    let canonical = format!("place_order\0{{\"item\":\"{key}\",\"quantity\":1e0}}");
    [&[1], &*Sha256::digest(canonical)].concat()
}

impl Former {
    async fn connect(database: &TestDatabase) -> Self {
        let sql = database.sql().await;
        Self { sql }
    }

    fn statement(&self, text: &str, values: Vec<Value>) -> Statement {
        let backend = self.sql.get_database_backend();
        let text = match backend {
            DbBackend::Sqlite => text.replace('$', "?"),
            _ => text.to_owned(),
        };
        Statement::from_sql_and_values(backend, text, values)
    }

    async fn begin(&self) -> DatabaseTransaction {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = self.sql.begin_with_options(options).await.unwrap();
        if self.sql.get_database_backend() == DbBackend::Postgres {
            let wait = format!("SET LOCAL lock_timeout = {}", LOCK_WAIT.as_millis());
            txn.execute_unprepared(&wait).await.unwrap();
        }
        txn
    }

    /// Places `order(key, 1)` unless the key is taken, and returns the stored response.
    async fn place(&self, key: &str) -> Vec<u8> {
        let id = Uuid::now_v7();
        let response = format!(r#"{{"id":"{id}","item":"{key}","quantity":1}}"#).into_bytes();
        let txn = self.begin().await;
        let claim = self.statement(
            "INSERT INTO idempotency_keys \
             (digest, scope, key, fingerprint, resource, refusal, response) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (digest) DO NOTHING",
            vec![
                digest(key).into(),
                "place_order".into(),
                key.into(),
                fingerprint(key).into(),
                id.into(),
                None::<i64>.into(),
                response.clone().into(),
            ],
        );
        let won = txn.execute_raw(claim).await.unwrap().rows_affected() == 1;
        if won {
            let insert = self.statement(
                "INSERT INTO orders (id, item, quantity) VALUES ($1, $2, $3)",
                vec![id.into(), key.into(), 1_i64.into()],
            );
            txn.execute_raw(insert).await.unwrap();
        }
        txn.commit().await.unwrap();
        if won {
            return response;
        }
        let row = self.find(key).await.expect("the key is taken");
        assert_eq!(row.fingerprint, fingerprint(key), "{key}");
        row.response
    }

    async fn find(&self, key: &str) -> Option<Row> {
        let select = self.statement(
            "SELECT digest, scope, key, fingerprint, resource, refusal, response, created_at \
             FROM idempotency_keys WHERE digest IN ($1)",
            vec![digest(key).into()],
        );
        let row = self.sql.query_one_raw(select).await.unwrap()?;
        Some(Row {
            fingerprint: row.try_get("", "fingerprint").unwrap(),
            refusal: row.try_get("", "refusal").unwrap(),
            response: row.try_get("", "response").unwrap(),
        })
    }
}

/// Keys and their responses.
type Placed = Vec<(String, Vec<u8>)>;

/// What a client does until it is told to stop: the keys and their responses, and the longest wait.
struct Load {
    stop: Arc<AtomicBool>,
    running: JoinHandle<(Placed, Duration)>,
}

impl Load {
    fn start<F: Future<Output = Vec<u8>> + Send>(
        prefix: &'static str,
        place: impl Fn(String) -> F + Send + Sync + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let (mut placed, mut longest) = (Vec::new(), Duration::ZERO);
            while !stopped.load(Ordering::Relaxed) {
                let key = format!("{prefix}-{}", placed.len());
                let started = Instant::now();
                let response = place(key.clone()).await;
                longest = longest.max(started.elapsed());
                placed.push((key, response));
            }
            (placed, longest)
        });
        Self { stop, running }
    }

    async fn stop(self) -> (Placed, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

/// Places an order with this release, or repeats it.
async fn place(client: Client, key: String) -> Vec<u8> {
    let reply = client.place_with_retries(&key, &order(&key, 1)).await;
    reply.expect_order().body.into()
}

fn migrate(database: &TestDatabase, action: &str) -> Option<i32> {
    let mut command = Process::on(database, &["migrate", action]);
    tokio::task::block_in_place(|| Process::output(&mut command))
        .status
        .code()
}

/// Migrates a full database of a release under load.
async fn upgrade(database: &TestDatabase, release: &str, migrations: u32) {
    let sql = database.sql().await;
    Migrator::up(&sql, Some(migrations)).await.unwrap();
    sql.close().await.unwrap();
    let former = Arc::new(Former::connect(database).await);
    let mut stored = Vec::new();
    for n in 0..STORED {
        let key = format!("stored-{n}");
        let response = former.place(&key).await;
        stored.push((key, response));
    }

    // The former release goes on while the schema changes.
    let writer = former.clone();
    let load = Load::start("former", move |key| {
        let former = writer.clone();
        async move { former.place(&key).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(migrate(database, "up"), Some(0), "{release}");
    assert_eq!(migrate(database, "status"), Some(0), "{release}");

    // Both releases side by side, on keys of their own and on the same keys.
    let server = Process::serve_with(database, &["--no-migrate"]);
    let client = server.client.clone();
    let present = Load::start("present", move |key| place(client.clone(), key));
    for n in 0..50 {
        let key = format!("both-{n}");
        let (theirs, ours) = tokio::join!(
            former.place(&key),
            place(server.client.clone(), key.clone())
        );
        assert_eq!(theirs, ours, "{release}: {key} has two answers");
        stored.push((key, ours));
    }
    let (of_former, longest) = load.stop().await;
    let (of_present, _) = present.stop().await;
    assert!(
        of_former.len() > 50 && of_present.len() > 20,
        "{release}: too little load"
    );
    assert!(
        longest < LOCK_WAIT,
        "{release}: a client waited {longest:?} for the migration"
    );

    // Each release answers what the other one has stored, and refuses other payloads.
    let mut acknowledged = Acknowledged::default();
    for (key, response) in stored.iter().chain(&of_former) {
        let replay = server.client.place(key, order(key, 1)).await.expect(200);
        assert_eq!(replay.body, *response, "{release}: {key}");
        acknowledged.insert(key, replay);
        let other = server.client.place(key, order(key, 2)).await;
        other.expect(409);
    }
    for (key, _) in &of_former {
        let replay = server.client.place(key, order(key, 1)).await;
        assert_eq!(replay.header(ORIGINAL), None, "{release}: {key}");
    }
    for (key, response) in &of_present {
        assert_eq!(former.place(key).await, *response, "{release}: {key}");
        let replay = server.client.place(key, order(key, 1)).await;
        assert!(replay.header(ORIGINAL).is_some(), "{release}: {key}");
    }
    acknowledged.assert_stored(database).await;
    let orders = stored.len() + of_former.len() + of_present.len();
    assert_eq!(
        database.orders().await,
        i64::try_from(orders).unwrap(),
        "{release}"
    );
    server.stop();
    database.assert_promise().await;
}

on_both! {
    async fn each_release_is_upgraded_under_load(backend: Backend) {
        for (release, migrations) in RELEASES {
            let database = TestDatabase::create(backend).await;
            // An SQLite file is created, and in WAL mode, by the first server of the release.
            drop(database.connect().await);
            upgrade(&database, release, migrations).await;
            database.drop().await;
        }
    }
}

on_postgres! {
    async fn a_migration_lets_others_go_first_while_a_long_transaction_runs(backend: Backend) {
        let database = TestDatabase::create(backend).await;
        let sql = database.sql().await;
        Migrator::up(&sql, Some(3)).await.unwrap();
        let former = Former::connect(&database).await;
        // Such as `pg_dump`: it reads for minutes.
        let long = sql.begin().await.unwrap();
        long.execute_unprepared("SELECT count(*) FROM orders").await.unwrap();
        let mut migrating = Process::on(&database, &["migrate", "up"]);
        let mut migrating = migrating.spawn().unwrap();
        let started = Instant::now();
        let mut longest = Duration::ZERO;
        for n in 0.. {
            let began = Instant::now();
            former.place(&format!("key-{n}")).await;
            longest = longest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
            if started.elapsed() > Duration::from_secs(6) {
                break;
            }
        }
        assert!(migrating.try_wait().unwrap().is_none(), "the migration does not wait");
        assert!(longest < LOCK_WAIT, "a client waited {longest:?}");
        long.rollback().await.unwrap();
        let ended = tokio::task::block_in_place(|| migrating.wait());
        assert!(ended.unwrap().success());
        assert_eq!(migrate(&database, "status"), Some(0));
        sql.close().await.unwrap();
        database.finish().await;
    }
}
