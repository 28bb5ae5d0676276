//! Tables that are filled and swept again and again do not grow.

use crate::harness::{Backend, Process, TestDatabase, on_both};

const ROWS: u32 = 5_000;

/// Inserts keys that are a day and a minute old, of the usual size.
async fn fill(database: &TestDatabase, cycle: u32) {
    let insert = match database.backend {
        Backend::Postgres => format!(
            "INSERT INTO idempotency_keys \
             (digest, scope, key, fingerprint, resource, response, created_at) \
             SELECT gen_random_uuid(), 'place_order', 'key-{cycle}-' || n, \
             decode(repeat('ab', 33), 'hex'), gen_random_uuid(), \
             decode(repeat('cd', 90), 'hex'), now() - interval '1441 minutes' \
             FROM generate_series(1, {ROWS}) AS n"
        ),
        Backend::Sqlite => format!(
            "WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < {ROWS}) \
             INSERT INTO idempotency_keys \
             (digest, scope, key, fingerprint, resource, response, created_at) \
             SELECT randomblob(16), 'place_order', 'key-{cycle}-' || n, \
             randomblob(33), randomblob(16), randomblob(90), datetime('now', '-1441 minutes') \
             FROM rows"
        ),
    };
    database.execute(&insert).await;
}

/// Pages of the table and its index.
async fn pages(database: &TestDatabase) -> i64 {
    let size = match database.backend {
        Backend::Postgres => "SELECT pg_total_relation_size('idempotency_keys') / 8192",
        Backend::Sqlite => "SELECT page_count FROM pragma_page_count",
    };
    database.count(size).await
}

on_both! {
    async fn ten_cycles_of_fill_and_sweep_do_not_grow_the_table(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        let mut sizes = Vec::new();
        for cycle in 0..10 {
            fill(&database, cycle).await;
            // The tombstones of the cycle before go, too.
            if cycle > 0 {
                let older = match backend {
                    Backend::Postgres => "created_at - interval '30 days'",
                    Backend::Sqlite => "datetime(created_at, '-30 days')",
                };
                let tombstones = format!(
                    "UPDATE idempotency_keys SET created_at = {older} WHERE length(fingerprint) = 0"
                );
                database.execute(&tombstones).await;
            }
            let output = Process::output(&mut Process::on(&database, &["sweep"]));
            assert!(output.status.success(), "{output:?}");
            assert_eq!(database.keys().await, (0, i64::from(ROWS)));
            if backend == Backend::Postgres {
                // What autovacuum does in time.
                database.execute("VACUUM idempotency_keys").await;
            }
            sizes.push(pages(&database).await);
        }
        // The first cycles settle how much space is free; a leak grows in each of the others too.
        let settled = sizes[..5].iter().max().expect("ten cycles");
        assert!(sizes[9] * 10 <= settled * 11, "{sizes:?}");
        database.drop().await;
    }
}
