//! Sessions are terminated, and PostgreSQL is restarted in every way, under load.

use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::{Load, fault_duration, long_deadline, private_database, terminate_sessions};
use crate::harness::{App, Bounds, Client, Cluster, Stop, order};

/// A service on a cluster of its own.
async fn start(bounds: Bounds) -> (Cluster, App) {
    let (cluster, database) = private_database().await;
    (cluster, App::start_on(database, bounds).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_sessions_are_not_noticed() {
    let (_cluster, app) = start(long_deadline()).await;
    let another = app.another().await;
    let load = Load::start(&[&app.client, &another.client]);
    load.progress(20).await;
    let terminated = terminate_sessions(&app.database).await;
    load.progress(20).await;
    let tally = load.stop().await;
    eprintln!("{terminated} sessions terminated");
    assert!(terminated > 20, "{terminated} sessions terminated");
    tally.assert_not_noticed();
    tally.assert_kept(&app.client, &app.database).await;
    another.stop().await;
    app.finish().await;
}

/// Restarts the server several times under load.
async fn a_restart_is_not_noticed(stop: Stop) {
    let (cluster, app) = start(long_deadline()).await;
    let load = Load::start(&[&app.client]);
    let until = Instant::now() + fault_duration();
    let mut outages = Vec::new();
    while outages.len() < 2 || Instant::now() < until {
        load.progress(60).await;
        let began = Instant::now();
        block_in_place(|| {
            cluster.stop(stop);
            cluster.start();
        });
        outages.push(began.elapsed());
    }
    load.progress(20).await;
    let tally = load.stop().await;
    eprintln!("{stop:?}: the server was down for {outages:?}");
    tally.assert_not_noticed();
    tally.assert_kept(&app.client, &app.database).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_restart_is_not_noticed() {
    a_restart_is_not_noticed(Stop::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immediate_restart_is_not_noticed() {
    a_restart_is_not_noticed(Stop::Immediate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_of_the_postmaster_is_not_noticed() {
    a_restart_is_not_noticed(Stop::Kill).await;
}

fn short_deadline() -> Bounds {
    Bounds::with(|bounds| bounds.executor.request_timeout = Duration::from_millis(700))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_the_deadline_is_503_until_it_ends() {
    let (cluster, app) = start(short_deadline()).await;
    let load = Load::start(&[&app.client]);
    load.progress(20).await;
    block_in_place(|| cluster.stop(Stop::Immediate));
    let refused = app.client.place("away", order("away", 1)).await.expect(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    sleep(Duration::from_secs(1)).await;
    block_in_place(|| cluster.start());
    load.progress(20).await;
    let mut tally = load.stop().await;
    assert!(tally.unavailable > 0, "{tally}");
    tally.add_unknown("away");
    tally.assert_kept(&app.client, &app.database).await;
    app.finish().await;
}

/// Waits until the service reports that it is ready (200) or not (503).
async fn wait_for_health(client: &Client, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while client.get("/health").await.status != status {
        assert!(Instant::now() < deadline, "/health is not {status}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_the_database() {
    let (cluster, app) = start(Bounds::default()).await;
    for _ in 0..2 {
        wait_for_health(&app.client, 200).await;
        block_in_place(|| cluster.stop(Stop::Immediate));
        wait_for_health(&app.client, 503).await;
        block_in_place(|| cluster.start());
    }
    wait_for_health(&app.client, 200).await;
    app.finish().await;
}
