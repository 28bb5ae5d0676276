//! Readiness: 200 only if the instance can take orders. `unavailable` tests it while the database is
//! away.

use std::time::Duration;

use crate::harness::{Bounds, Instance, TestDatabase, on_both};

const STALE: &str = "the schema is not current";

on_both! {
    async fn a_database_without_a_schema_is_not_ready_until_it_has_one(app: &App) {
        let database = TestDatabase::create(app.database.backend).await;
        let instance = Instance::start(&database, Bounds::default()).await;
        let refused = instance.client.get("/health").await.expect_error(503, STALE);
        assert_eq!(refused.header("retry-after"), Some("1"));

        database.connect().await.schema().up().await.unwrap();
        instance.client.get("/health").await.expect(200);
        instance.stop().await;
        database.drop().await;
    }
}

on_both! {
    async fn a_schema_that_lacks_a_migration_is_not_ready(app: &App) {
        let database = app.database.connect().await;
        app.client.get("/health").await.expect(200);
        database.schema().down(1).await.unwrap();
        app.client.get("/health").await.expect_error(503, STALE);
        database.schema().up().await.unwrap();
        app.client.get("/health").await.expect(200);
    }
}

on_both! {
    async fn readiness_does_not_wait_for_locks(app: &App) {
        let held = app.database.hold("held").await;
        let health = tokio::time::timeout(Duration::from_secs(5), app.client.get("/health"));
        health.await.expect("an answer while a key is locked").expect(200);
        held.roll_back().await;
    }
}
