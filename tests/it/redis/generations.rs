//! No entry outlives its database.

use std::time::Duration;

use super::{start, until_sharing};
use crate::harness::{Backend, RedisServer, TestDatabase, on_both, order};

/// How long an instance may take to notice that its database was exchanged.
const NOTICED: Duration = Duration::from_millis(1_500);

on_both! {
    async fn an_entry_ends_with_the_schema_that_it_is_of(database: &TestDatabase) {
        let redis = RedisServer::start();
        let instance = start(database, &redis).await;
        let shared = redis.entries();
        let old = instance.client.place("key", order("beans", 2)).await.expect(201);
        redis.until_entries(shared + 1).await;
        database.connect().await.schema().fresh().await.unwrap();
        tokio::time::sleep(NOTICED).await;
        let new = instance.client.place("key", order("beans", 2)).await.expect(201);
        assert_ne!(new.id(), old.id());
        // The new database is shared as well, under another name.
        until_sharing(&instance.client, &redis).await;
        assert!(redis.entries() > shared + 1);
        instance.stop().await;
    }
}

on_both! {
    async fn an_entry_ends_with_a_database_that_is_replaced_while_nothing_runs(database: &TestDatabase) {
        let redis = RedisServer::start();
        let instance = start(database, &redis).await;
        let shared = redis.entries();
        let old = instance.client.place("key", order("beans", 2)).await.expect(201);
        redis.until_entries(shared + 1).await;
        instance.stop().await;
        match database.backend {
            Backend::Sqlite => {
                std::fs::remove_file(database.url.strip_prefix("sqlite://").unwrap()).unwrap();
                database.migrate().await;
            }
            Backend::Postgres => database.connect().await.schema().fresh().await.unwrap(),
        }
        let instance = start(database, &redis).await;
        let new = instance.client.place("key", order("beans", 2)).await.expect(201);
        assert_ne!(new.id(), old.id());
        instance.stop().await;
    }
}

/// A backup that is copied over the file has the same name and inode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_does_not_outlive_the_restore_of_a_backup() {
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    let file = database.url.strip_prefix("sqlite://").unwrap().to_owned();
    let backup = format!("{file}.backup");
    database.execute(&format!("VACUUM INTO '{backup}'")).await;
    let redis = RedisServer::start();
    let instance = start(&database, &redis).await;
    let shared = redis.entries();
    let old = instance
        .client
        .place("key", order("beans", 2))
        .await
        .expect(201);
    redis.until_entries(shared + 1).await;
    instance.stop().await;
    std::fs::copy(&backup, &file).unwrap();
    for rest in ["-wal", "-shm"] {
        // There is none if nothing else has the file open.
        let _ = std::fs::remove_file(format!("{file}{rest}"));
    }
    let instance = start(&database, &redis).await;
    let new = instance
        .client
        .place("key", order("beans", 2))
        .await
        .expect(201);
    assert_ne!(new.id(), old.id());
    instance.stop().await;
    database.finish().await;
}
