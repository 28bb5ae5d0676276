//! Told to stop in the middle of it: what was taken is answered or left alone, and it ends.

use std::time::{Duration, Instant};

use super::load::{End, Load, Told};
use super::{ALONE, assert_stored, database, pause};
use crate::harness::{Backend, Fault, Process, Proxy};

const CLIENTS: usize = 500;

const SHUTDOWN: [&str; 2] = ["--shutdown-timeout", "5s"];

/// A busy machine may take this much longer over it.
const SLACK: Duration = Duration::from_secs(3);

/// Tells the server to stop at this instant. It ends in order and within its bound, and so does
/// every client.
async fn stop(server: Process, load: Load, bound: Duration) -> (Told, Instant) {
    let stopped = Instant::now();
    server.signal("TERM");
    let told = load.ended().await;
    assert_eq!(server.wait(), Some(0));
    let took = stopped.elapsed();
    eprintln!("ended after {took:?}");
    assert!(took < bound + SLACK, "{took:?}");
    told.assert_sound();
    (told, stopped)
}

async fn stops_under_full_load(backend: Backend) {
    let _alone = ALONE.lock().await;
    let database = database(backend).await;
    let server = Process::start(Process::serving(&database).args(SHUTDOWN));
    let load = Load::start(server.client.address, CLIENTS);
    pause(2.0).await;
    let (told, stopped) = stop(server, load, Duration::from_secs(5)).await;

    // What was still in the kernel had not been taken: it is closed without a byte.
    let (answered, closed) = told.in_flight(stopped);
    eprintln!("in flight: {answered} answered, {closed} closed");
    assert!(answered + closed > CLIENTS / 2, "it was under load");
    let stored = super::stored(&database).await;
    for seen in told.0.iter().filter(|seen| matches!(seen.end, End::Closed)) {
        assert!(
            !stored.contains_key(&seen.key),
            "it was taken, and not answered"
        );
    }
    assert!(told.answers(201).count() > CLIENTS);
    assert_stored(&database, &told).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_full_load_sqlite() {
    stops_under_full_load(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_full_load_postgres() {
    stops_under_full_load(Backend::Postgres).await;
}

/// The database answers, but late: everybody who was taken is still answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_database_is_slow() {
    let _alone = ALONE.lock().await;
    let database = database(Backend::Postgres).await;
    let proxy = Proxy::start(&database).await;
    let mut serving = Process::serving(&database);
    serving.env("DATABASE_URL", proxy.url(&database));
    let server = Process::start(serving.args(SHUTDOWN));
    let load = Load::start(server.client.address, CLIENTS);
    pause(1.0).await;
    proxy.inject(Fault::Delay(Duration::from_millis(500)));
    pause(1.0).await;
    let (told, stopped) = stop(server, load, Duration::from_secs(5)).await;
    let (answered, closed) = told.in_flight(stopped);
    assert!(answered > CLIENTS / 2, "{answered} were still answered");
    assert!(closed * 20 <= answered, "{closed} were left alone");
    assert_stored(&database, &told).await;
    database.drop().await;
}

/// The database does not answer at all: nobody can be answered, and it ends all the same, within
/// the bound, and what was in doubt is found out by a retry.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_database_is_away() {
    let _alone = ALONE.lock().await;
    let database = database(Backend::Postgres).await;
    let proxy = Proxy::start(&database).await;
    let mut serving = Process::serving(&database);
    serving.env("DATABASE_URL", proxy.url(&database));
    let server = Process::start(serving.args(["--shutdown-timeout", "4s"]));
    let load = Load::start(server.client.address, CLIENTS);
    pause(1.0).await;
    proxy.inject(Fault::DropAnswers);
    pause(1.0).await;
    let (told, _) = stop(server, load, Duration::from_secs(4)).await;
    let again = Process::serve(&database);
    for seen in told.0.iter().filter(|seen| matches!(seen.end, End::Closed)) {
        let body = crate::harness::order(&seen.key, 1);
        let reply = again.client.persist(&seen.key, &body).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
    }
    drop(again);
    assert_stored(&database, &told).await;
    database.drop().await;
}
