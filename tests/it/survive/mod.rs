//! Failures of PostgreSQL and of what is in front of it, under load: no acknowledged order is lost,
//! none is placed twice, and an outage shorter than the request timeout is not visible to clients.
//!
//! `CHAOS_SECONDS` sets how long each kind of fault lasts (default 3). `scripts/chaos` sets it.

mod failover;
mod isolation;
mod load;
mod pooler;
mod restarts;
mod settings;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::{Bounds, Cluster, TestDatabase};
use load::Load;

/// How long a fault lasts.
fn fault_duration() -> Duration {
    let seconds = std::env::var("CHAOS_SECONDS").map(|text| text.parse().unwrap());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// A request timeout that is longer than every outage of a test that uses it.
fn long_deadline() -> Bounds {
    Bounds::with(|bounds| bounds.executor.request_timeout = Duration::from_secs(30))
}

/// A cluster, and a database with the schema in it.
async fn private_database() -> (Cluster, TestDatabase) {
    // The data that a dead process has given to the kernel is safe without fsync, and recovery
    // syncs every file, which takes seconds.
    let cluster = Cluster::start_new(&[("fsync", "off")]);
    let database = TestDatabase::create_in(&cluster).await;
    database.migrate().await;
    (cluster, database)
}

/// Terminates every session of the service ten times a second while the fault lasts. Returns their
/// number.
async fn terminate_sessions(database: &TestDatabase) -> i64 {
    let until = Instant::now() + fault_duration();
    let mut terminated = 0;
    while Instant::now() < until {
        sleep(Duration::from_millis(100)).await;
        terminated += database.terminate_sessions().await;
    }
    terminated
}
