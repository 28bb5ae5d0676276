//! SIGTERM under load: what the server has accepted is answered or not stored, and it exits within
//! the shutdown timeout.

use std::time::{Duration, Instant};

use super::load::{Load, Outcomes};
use super::{alone, pause};
use crate::harness::{Fault, Process, Proxy, TestDatabase, on_both, on_postgres, order};

const CLIENTS: usize = 500;

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// How much longer a busy machine may take.
const SLACK: Duration = Duration::from_secs(10);

fn serve(database: &TestDatabase, url: &str) -> Process {
    let mut serving = Process::serving(database);
    serving.env("DATABASE_URL", url);
    Process::start(serving.args(["--shutdown-timeout", "5s"]))
}

/// Stops the server under the load. Every response is sound, and the server exits in time.
async fn stop(server: Process, load: Load, database: &TestDatabase) -> Outcomes {
    let stopped = Instant::now();
    server.signal("TERM");
    let outcomes = load.ended().await;
    assert_eq!(server.wait(), Some(0));
    let took = stopped.elapsed();
    assert!(took < SHUTDOWN_TIMEOUT + SLACK, "{took:?}");
    let in_flight = outcomes.in_flight(stopped);
    assert!(in_flight > CLIENTS / 2, "{in_flight} requests in flight");
    outcomes.assert_sound(database).await;
    outcomes
}

/// A connection is closed without a response only if its request was not accepted.
async fn assert_closed_are_not_stored(outcomes: &Outcomes, database: &TestDatabase) {
    let stored = database.responses().await;
    for key in outcomes.closed() {
        assert!(
            !stored.contains_key(key),
            "{key} is stored and not answered"
        );
    }
}

/// A server under load that reaches its database through a proxy.
async fn load_through_proxy(database: &TestDatabase) -> (Proxy, Process, Load) {
    let proxy = Proxy::start(database).await;
    let server = serve(database, &proxy.url(database));
    let load = Load::start(server.client.address, CLIENTS);
    pause(1.0).await;
    (proxy, server, load)
}

on_both! {
    async fn stops_under_full_load(database: &TestDatabase) {
        let _alone = alone().await;
        let server = serve(database, &database.url);
        let load = Load::start(server.client.address, CLIENTS);
        pause(2.0).await;
        let outcomes = stop(server, load, database).await;
        assert!(outcomes.answers(201).count() > CLIENTS);
        assert_closed_are_not_stored(&outcomes, database).await;
    }
}

on_postgres! {
    /// The database answers late, and every accepted request is still answered.
    async fn stops_while_the_database_is_slow(database: &TestDatabase) {
        let _alone = alone().await;
        let (proxy, server, load) = load_through_proxy(database).await;
        proxy.inject(Fault::Delay(Duration::from_millis(100)));
        pause(1.0).await;
        let outcomes = stop(server, load, database).await;
        assert_closed_are_not_stored(&outcomes, database).await;
    }
}

on_postgres! {
    /// The database executes everything and its answers are lost. No request can be answered, the
    /// server exits in time, and a retry finds out what is stored.
    async fn stops_while_the_database_does_not_answer(database: &TestDatabase) {
        let _alone = alone().await;
        let (proxy, server, load) = load_through_proxy(database).await;
        proxy.inject(Fault::DropAnswers);
        let silent = Instant::now();
        pause(1.0).await;
        let outcomes = stop(server, load, database).await;
        assert!(outcomes.answers(201).all(|outcome| outcome.sent < silent));
        let again = Process::serve(database);
        for key in outcomes.closed() {
            again.client.place_with_retries(key, &order(key, 1)).await.expect_order();
        }
        again.stop();
    }
}
