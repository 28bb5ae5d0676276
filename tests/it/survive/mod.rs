//! The database dies, moves, and is reached by detours, all under load: nothing is lost, nothing
//! is doubled, and clients are told the truth.
//!
//! `CHAOS_SECONDS` says how long each kind of trouble lasts; `scripts/chaos` sets it.

mod failover;
mod isolation;
mod load;
mod pooler;
mod restarts;

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::harness::TestDatabase;
use load::Load;

/// How long trouble lasts.
fn trouble() -> Duration {
    let seconds = std::env::var("CHAOS_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Ends every session of the service's, a hundred milliseconds apart, while trouble lasts. Returns
/// how many.
async fn terminate_sessions(database: &TestDatabase) -> i64 {
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let sql = database.sql().await;
    let until = tokio::time::Instant::now() + trouble();
    let mut ended = 0;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let count = Statement::from_string(DbBackend::Postgres, END);
        let count = sql.query_one_raw(count).await.unwrap().unwrap();
        ended += count.try_get_by_index::<i64>(0).unwrap();
    }
    sql.close().await.unwrap();
    ended
}
