//! Two thousand clients, and a database that is slow for some seconds.

use std::time::Duration;

use super::load::{End, Load, Outcome, Outcomes};
use super::{alone, memory_peak, pause};
use crate::harness::{Backend, Fault, Process, Proxy, TestDatabase, on_both};

const CLIENTS: usize = 2_000;

/// The memory limit in megabytes, for an unoptimised build.
const MEMORY_MAX: u64 = 200;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(6);

/// A queue for a small part of the clients.
const SMALL_QUEUE: [&str; 3] = ["--queue-max=64", "--batch-max=64", "--request-timeout=6s"];

/// Makes the database slow for some seconds: on PostgreSQL each answer is late, on SQLite another
/// process keeps the write lock.
async fn slow_for(seconds: f64, database: &TestDatabase, proxy: Option<&Proxy>) {
    if let Some(proxy) = proxy {
        proxy.inject(Fault::Delay(Duration::from_millis(500)));
        pause(seconds).await;
        proxy.heal();
    } else {
        let hold = database.begin("UPDATE orders SET quantity = 1").await;
        pause(seconds).await;
        hold.roll_back().await;
    }
}

/// A request that does not fit into the queue is refused at once: it does not wait for the request
/// timeout, as a request in the queue does.
fn assert_refused_early(outcomes: &Outcomes) {
    let from_queue =
        |o: &&Outcome| matches!(&o.end, End::Answer(_, text) if text.contains("too many requests"));
    let refused: Vec<Duration> = outcomes
        .answers(503)
        .filter(from_queue)
        .map(Outcome::took)
        .collect();
    let (count, longest) = (refused.len(), refused.iter().max());
    assert!(count > CLIENTS, "only {count} requests were refused");
    assert!(
        longest < Some(&REQUEST_TIMEOUT),
        "a refusal took {longest:?}"
    );
}

on_both! {
    async fn two_thousand_clients_are_refused_early_and_served_again(database: &TestDatabase) {
        let _alone = alone().await;
        let proxy = match database.backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Proxy::start(database).await),
        };
        let url = proxy.as_ref().map_or(database.url.clone(), |proxy| proxy.url(database));
        let mut serving = Process::serving(database);
        let server = Process::start(serving.env("DATABASE_URL", url).args(SMALL_QUEUE));

        let load = Load::start(server.client.address, CLIENTS);
        pause(3.0).await;
        slow_for(4.0, database, proxy.as_ref()).await;
        load.progress(CLIENTS).await;
        let outcomes = load.stop().await;

        outcomes.assert_sound(database).await;
        assert_refused_early(&outcomes);
        let longest = outcomes.longest();
        assert!(longest < 3 * REQUEST_TIMEOUT, "a request took {longest:?}");
        let memory = memory_peak(&server);
        assert!(memory < MEMORY_MAX, "{memory} MB");
        server.client.get("/health").await.expect(200);
        server.stop();
    }
}
