//! Sessions are ended, and PostgreSQL is restarted in every way, under load.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Load, terminate_sessions, trouble};
use crate::harness::{App, Bounds, Client, Cluster, Stop, TestDatabase, order};

/// What was given to the kernel survives the death of a process; only that of the machine asks for
/// more. A recovery that syncs every file would take seconds here, and these outages are short.
const SETTINGS: [(&str, &str); 1] = [("fsync", "off")];

/// A service on a cluster of its own.
async fn start(cluster: &Cluster, bounds: Bounds) -> App {
    App::start_on(TestDatabase::create_in(cluster).await, bounds).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_ended_ten_times_a_second_are_hardly_noticed() {
    let cluster = Cluster::start_new(&SETTINGS);
    let app = start(&cluster, Bounds::default()).await;
    let another = app.another().await;
    let load = Load::start(&[&app.client, &another.client]);
    load.progress(20).await;
    let ended = terminate_sessions(&app.database).await;
    load.progress(20).await;
    let tally = load.stop().await;
    eprintln!("{ended} sessions ended");
    assert!(ended > 20, "{ended} sessions ended");
    tally.assert_hardly_noticed();
    tally.assert_kept(&app.client, &app.database).await;
    another.stop().await;
    app.finish().await;
}

/// Restarts the server again and again, for as long as it takes each time: less than the deadline
/// of a request.
async fn is_restarted(stop: Stop) {
    let cluster = Cluster::start_new(&SETTINGS);
    let app = start(&cluster, Bounds::default()).await;
    let load = Load::start(&[&app.client]);
    let until = Instant::now() + trouble();
    let mut outages = Vec::new();
    while outages.len() < 2 || Instant::now() < until {
        load.progress(60).await;
        let began = Instant::now();
        tokio::task::block_in_place(|| {
            cluster.stop(stop);
            cluster.start();
        });
        outages.push(began.elapsed());
    }
    load.progress(20).await;
    let tally = load.stop().await;
    eprintln!("{stop:?}: away for {outages:?}");
    tally.assert_hardly_noticed();
    tally.assert_kept(&app.client, &app.database).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_restart_is_hardly_noticed() {
    is_restarted(Stop::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immediate_restart_is_hardly_noticed() {
    is_restarted(Stop::Immediate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_of_the_postmaster_is_hardly_noticed() {
    is_restarted(Stop::Kill).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_longer_than_the_deadline_is_503_until_it_ends() {
    let cluster = Cluster::start_new(&SETTINGS);
    let mut bounds = Bounds::default();
    bounds.executor.request_timeout = Duration::from_millis(700);
    let app = start(&cluster, bounds).await;
    let load = Load::start(&[&app.client]);
    load.progress(20).await;
    tokio::task::block_in_place(|| cluster.stop(Stop::Immediate));
    sleep(Duration::from_secs(2)).await;
    let refused = app.client.place("away", order("tea", 1)).await.expect(503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    tokio::task::block_in_place(|| cluster.start());
    load.progress(20).await;
    let tally = load.stop().await;
    assert!(tally.unavailable > 0, "{tally}");
    let again = app.client.persist("away", &order("tea", 1)).await;
    assert!(matches!(again.status, 200 | 201), "{again:?}");
    app.database
        .execute("DELETE FROM orders WHERE item = 'tea'")
        .await;
    app.database
        .execute("DELETE FROM idempotency_keys WHERE key = 'away'")
        .await;
    tally.assert_kept(&app.client, &app.database).await;
    app.finish().await;
}

/// How long it takes until the service says that it is ready, or that it is not.
async fn health_becomes(client: &Client, status: u16) -> Duration {
    let began = Instant::now();
    while client.get("/health").await.status != status {
        assert!(began.elapsed() < Duration::from_secs(30), "never {status}");
        sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_the_database_within_a_second_both_ways() {
    const ROUNDS: usize = 5;
    let cluster = Cluster::start_new(&SETTINGS);
    let app = start(&cluster, Bounds::default()).await;
    let (mut down, mut up) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        health_becomes(&app.client, 200).await;
        tokio::task::block_in_place(|| cluster.stop(Stop::Immediate));
        down.push(health_becomes(&app.client, 503).await);
        // Long enough for whoever waits longer and longer between two tries.
        sleep(Duration::from_millis(1500)).await;
        tokio::task::block_in_place(|| cluster.start());
        up.push(health_becomes(&app.client, 200).await);
    }
    eprintln!("not ready after {down:?}, ready after {up:?}");
    // Not all of them: this machine may be busy with something else for a second.
    for times in [down, up] {
        let within = times.iter().filter(|time| **time < Duration::from_secs(1));
        assert!(within.count() > ROUNDS / 2, "{times:?}");
    }
    app.finish().await;
}
