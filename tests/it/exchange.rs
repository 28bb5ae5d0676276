//! The database is exchanged under a running service: nothing of the former one is replayed, and no
//! order is acknowledged that nobody finds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{App, Bounds, TestDatabase, on_both, on_postgres, on_sqlite, order};

/// The documented bound for replays of a former database, and a moment for the test.
const BOUND: Duration = Duration::from_millis(1200);

/// Time in which the service finds out which database it has.
const IDENTIFIED: Duration = Duration::from_millis(500);

fn short_timeout() -> Bounds {
    Bounds::with(|bounds| {
        bounds.executor.request_timeout = Duration::from_secs(1);
        bounds.executor.transaction_timeout = Duration::from_millis(800);
    })
}

/// Places an order whose replays come from memory, as the database does not have it any more.
async fn remember(app: &App, key: &str) {
    tokio::time::sleep(IDENTIFIED).await;
    app.client.place(key, order("tea", 2)).await.expect(201);
    app.client.place(key, order("tea", 2)).await.expect(200);
    for table in ["orders", "idempotency_keys"] {
        app.database.execute(&format!("DELETE FROM {table}")).await;
    }
    app.client.place(key, order("tea", 2)).await.expect(200);
}

/// The key is new, and its order is the only one.
async fn assert_forgotten(app: &App, key: &str) {
    app.client.place(key, order("tea", 2)).await.expect(201);
    let page = app.client.get("/orders").await.expect(200);
    assert_eq!(page.json()["orders"].as_array().unwrap().len(), 1);
    assert_eq!(app.database.orders().await, 1);
}

on_both! {
    async fn a_fresh_schema_replays_nothing_of_the_former_one(app: &App) {
        remember(app, "key").await;
        app.database.connect().await.schema().fresh().await.unwrap();
        tokio::time::sleep(BOUND).await;
        assert_forgotten(app, "key").await;
        // And the cache works again.
        remember(app, "another").await;
    }
}

on_postgres! {
    async fn a_truncated_table_replays_nothing(app: &App) {
        remember(app, "key").await;
        app.database.execute("TRUNCATE idempotency_keys, orders").await;
        tokio::time::sleep(BOUND).await;
        assert_forgotten(app, "key").await;
    }
}

on_postgres! {
    async fn a_restored_database_replays_nothing_of_the_former_one(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        database.back_up().await;
        let app = App::start_on(database, Bounds::default()).await;
        remember(&app, "key").await;
        app.database.restore().await;
        tokio::time::sleep(BOUND).await;
        assert_forgotten(&app, "key").await;
        app.finish().await;
    }
}

fn file(database: &TestDatabase) -> PathBuf {
    database.url.trim_start_matches("sqlite://").into()
}

/// Removes or moves a file with its log.
fn for_each_part(path: &Path, act: impl Fn(PathBuf) -> std::io::Result<()>) {
    for suffix in ["-wal", "-shm", ""] {
        let part = PathBuf::from(format!("{}{suffix}", path.display()));
        if part.exists() {
            act(part).unwrap();
        }
    }
}

/// A file with the schema and nothing else, beside the database.
async fn empty_copy(app: &App) -> PathBuf {
    let path = file(&app.database).with_extension("copy");
    let vacuum = format!("VACUUM INTO '{}'", path.display());
    app.database.execute(&vacuum).await;
    path
}

on_sqlite! {
    async fn a_replaced_file_replays_nothing_of_the_former_one(app: &App) {
        let path = file(&app.database);
        for key in ["first", "second"] {
            remember(app, key).await;
            let copy = empty_copy(app).await;
            for_each_part(&path, std::fs::remove_file);
            std::fs::rename(copy, &path).unwrap();
            // At once, without a bound.
            assert_forgotten(app, key).await;
        }
    }
}

on_sqlite! {
    async fn a_removed_file_is_503_until_there_is_a_file_again(app: &App with short_timeout()) {
        let path = file(&app.database);
        remember(app, "key").await;
        let aside = |part: PathBuf| PathBuf::from(format!("{}.aside", part.display()));
        let before = app.client.place("before", order("tea", 1)).await.expect(201);
        let location = before.header("location").unwrap().to_owned();
        app.client.get(&location).await.expect(200);

        for_each_part(&path, |part| std::fs::rename(&part, aside(part.clone())));
        for key in ["key", "before", "during"] {
            let refused = app.client.place(key, order("tea", 2)).await.expect(503);
            assert_eq!(refused.header("retry-after"), Some("1"));
        }
        for read in ["/health", "/orders", &location] {
            app.client.get(read).await.expect(503);
        }
        assert!(!path.exists(), "the service has created a file");

        for suffix in ["-wal", "-shm", ""] {
            let part = PathBuf::from(format!("{}{suffix}", path.display()));
            if aside(part.clone()).exists() {
                std::fs::rename(aside(part.clone()), part).unwrap();
            }
        }
        app.client.get("/health").await.expect(200);
        let replay = app.client.place("before", order("tea", 1)).await.expect(200);
        assert_eq!(replay.body, before.body);
        app.client.place("during", order("tea", 2)).await.expect(201);
        assert_eq!(app.database.orders().await, 2);
    }
}

on_sqlite! {
    async fn an_order_in_a_file_that_is_removed_during_its_commit_is_not_acknowledged(
        app: &App with short_timeout()
    ) {
        let path = file(&app.database);
        let copy = empty_copy(app).await;
        let held = app.database.hold("held").await;
        let placing = app.client.spawn_place("key", order("tea", 2));
        // The transaction waits for the lock, on a connection to the file.
        tokio::time::sleep(Duration::from_millis(300)).await;
        for_each_part(&path, std::fs::remove_file);
        held.roll_back().await;
        placing.await.unwrap().expect(503);
        std::fs::rename(copy, &path).unwrap();
        assert_forgotten(app, "key").await;
    }
}
