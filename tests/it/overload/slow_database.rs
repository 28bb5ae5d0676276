//! Two thousand clients on a database that answers slowly for a while.

use std::time::{Duration, Instant};

use super::load::{End, Load, Seen, Told};
use super::{ALONE, assert_stored, database, memory_peak, pause};
use crate::harness::{Backend, Fault, Process, Proxy, TestDatabase};

const CLIENTS: usize = 2_000;

/// Megabytes that the server may take with all of them, unoptimised as the tests build it.
const MEMORY_MAX: u64 = 200;

/// Room for a few of the clients only.
const SMALL_QUEUE: [&str; 6] = [
    "--queue-max",
    "64",
    "--batch-max",
    "64",
    "--request-timeout",
    "6s",
];

/// Makes the database slow for some seconds.
async fn slow_for(seconds: f64, database: &TestDatabase, proxy: Option<&Proxy>) {
    if let Some(proxy) = proxy {
        // Every answer of PostgreSQL comes late.
        proxy.inject(Fault::Delay(Duration::from_secs(1)));
        pause(seconds).await;
        proxy.heal();
    } else {
        // Somebody else writes to the file.
        let hold = database.begin("UPDATE orders SET quantity = 1").await;
        pause(seconds).await;
        hold.roll_back().await;
    }
}

/// Whether the refusal came from the full queue.
fn is_overload(seen: &Seen) -> bool {
    matches!(&seen.end, End::Answer(_, text) if text.contains("too many requests"))
}

/// Nearly all that did not fit were told so at once, and nobody waited beyond the bound.
fn assert_refused_early(told: &Told, from: Instant, to: Instant) {
    let meanwhile = |seen: &&Seen| is_overload(seen) && (from..to).contains(&seen.sent);
    let refused: Vec<&Seen> = told.answers(503).filter(meanwhile).collect();
    let late = |seen: &&&Seen| seen.ended - seen.sent > Duration::from_secs(1);
    let late = refused.iter().filter(late).count();
    let count = refused.len();
    assert!(count > CLIENTS, "the queue was full: {count} refused");
    assert!(late * 20 <= count, "{late} of {count} were told late");
    let longest = told.0.iter().map(|seen| seen.ended - seen.sent).max();
    assert!(longest < Some(Duration::from_secs(12)), "{longest:?}");
    eprintln!("refused {count}, of them late {late}; the longest wait {longest:?}");
}

async fn recovers(backend: Backend) {
    let _alone = ALONE.lock().await;
    let database = database(backend).await;
    let proxy = match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some(Proxy::start(&database).await),
    };
    let url = proxy.as_ref().map(|proxy| proxy.url(&database));
    let mut serving = Process::serving(&database);
    serving.env("DATABASE_URL", url.as_ref().unwrap_or(&database.url));
    let server = Process::start(serving.args(SMALL_QUEUE));

    let load = Load::start(server.client.address, CLIENTS);
    pause(3.0).await;
    let calm = Instant::now();
    pause(2.0).await;
    let slow = Instant::now();
    slow_for(4.0, &database, proxy.as_ref()).await;
    let over = Instant::now();
    pause(4.0).await;
    let told = load.stop().await;

    told.assert_sound();
    assert_refused_early(&told, slow, over);
    let second = Duration::from_secs(1);
    let before = told.rate(calm, slow);
    let during = told.rate(slow + second, over);
    let soon = told.rate(over + second, over + 2 * second);
    let later = told.rate(over + 2 * second, over + 4 * second);
    let memory = memory_peak(&server);
    eprintln!(
        "a second: {before:.0} before, {during:.0} meanwhile, {soon:.0} a second after, \
         {later:.0} later; {memory} MB"
    );
    assert!(later > during * 1.5, "it is slow no more");
    // What else this machine does may change from one second to the next.
    assert!(soon * 2.0 > before.min(later), "the full rate is back");
    assert!(memory < MEMORY_MAX, "{memory} MB");
    server.client.get("/health").await.expect(200);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_stored(&database, &told).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_clients_are_refused_early_and_served_again_at_once_sqlite() {
    recovers(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_clients_are_refused_early_and_served_again_at_once_postgres() {
    recovers(Backend::Postgres).await;
}
