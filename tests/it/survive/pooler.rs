//! PgBouncer in transaction mode: each transaction may run on another session, so settings and
//! prepared statements do not last.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Load, long_deadline, private_database, terminate_sessions};
use crate::harness::{Bounds, Cluster, Instance, Pooler, Process, TestDatabase, order};

/// Fewer sessions than client connections, so that clients share sessions.
const TRANSACTION_MODE: &str = "pool_mode = transaction\ndefault_pool_size = 4";

fn pooled_url(pooler: &Pooler, database: &TestDatabase) -> String {
    format!("{}&pooler=transaction", pooler.url(database))
}

async fn start_three(url: &str, bounds: Bounds) -> [Instance; 3] {
    let start = || Instance::start_on(url, bounds.clone());
    [start().await, start().await, start().await]
}

/// Every session is returned to the pooler soon, and not because the database terminates it.
async fn assert_no_open_transaction(database: &TestDatabase) {
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE application_name = 'orders' AND state LIKE 'idle in transaction%'";
    let deadline = Instant::now() + Duration::from_secs(3);
    while database.count(open).await > 0 {
        assert!(Instant::now() < deadline, "a transaction stays open");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_sessions_and_restarts_of_the_pooler_are_not_noticed() {
    let (_cluster, database) = private_database().await;
    let mut pooler = Pooler::start(&database, TRANSACTION_MODE);
    let instances = start_three(&pooled_url(&pooler, &database), long_deadline()).await;
    let clients = instances.each_ref().map(|instance| &instance.client);
    let load = Load::start(&clients);
    load.progress(100).await;
    let terminated = terminate_sessions(&database).await;
    assert!(terminated > 20, "{terminated} sessions terminated");
    load.progress(20).await;
    for _ in 0..3 {
        tokio::task::block_in_place(|| pooler.restart());
        load.progress(20).await;
    }
    let tally = load.stop().await;
    eprintln!("through PgBouncer: {terminated} sessions terminated, 3 restarts");
    tally.assert_not_noticed();
    tally.assert_kept(clients[0], &database).await;
    for instance in instances {
        instance.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_same_as_without_a_pooler() {
    let (_cluster, database) = private_database().await;
    let pooler = Pooler::start(&database, TRANSACTION_MODE);
    let instances = start_three(&pooled_url(&pooler, &database), Bounds::default()).await;
    let [one, other, third] = instances.each_ref().map(|instance| &instance.client);

    let first = one.place("key", order("tea's \\ 茶", 1)).await.expect(201);
    let replay = other
        .place("key", order("tea's \\ 茶", 1))
        .await
        .expect(200);
    assert!(replay.is_replay());
    assert_eq!(replay.body, first.body);
    let reused = third.place("key", order("tea", 2)).await.expect(409);
    assert_eq!(reused.json()["code"], "IDEMPOTENCY_KEY_REUSED");
    let path = format!("/orders/{}", first.id());
    assert_eq!(third.get(&path).await.expect(200).body, first.body);
    let list = third.get("/orders?limit=1").await.expect(200);
    assert_eq!(list.json()["orders"][0]["id"], first.id());
    one.get("/health").await.expect(200);

    // Each transaction sets the lock wait, also the short one after a bisection.
    let held = database.hold("held").await;
    let (in_use, neighbour) = tokio::join!(
        one.place("held", order("tea", 1)),
        one.place("neighbour", order("tea", 1)),
    );
    assert_eq!(in_use.expect(409).json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    neighbour.expect(201);
    assert_no_open_transaction(&database).await;
    held.roll_back().await;
    one.place("held", order("tea", 1)).await.expect(201);

    // Cancelled reads leave nothing behind for the next.
    for n in 0..60 {
        let get = tokio::spawn({
            let client = one.clone();
            async move { client.get("/orders").await }
        });
        sleep(Duration::from_micros(n * 50)).await;
        get.abort();
    }
    one.get("/orders").await.expect(200);
    one.place("after", order("tea", 1)).await.expect(201);
    assert_eq!(database.orders().await, 4);

    for instance in instances {
        instance.stop().await;
    }
    assert_no_open_transaction(&database).await;
    database.assert_promise().await;
}

/// Runs a command on a database URL until it ends. Returns its exit code and its log.
fn orders(arguments: &[&str], url: &str) -> (Option<i32>, String) {
    let mut command = Process::command(arguments);
    let output = Process::output(command.env("DATABASE_URL", url).env("PORT", "0"));
    let log = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_the_url_does_not_declare_is_refused() {
    let (_cluster, database) = private_database().await;
    for (settings, lost) in [
        ("pool_mode = transaction", "options"),
        (
            "pool_mode = session\nignore_startup_parameters = options",
            "lock_timeout",
        ),
    ] {
        let pooler = Pooler::start(&database, settings);
        let (code, log) = orders(&["serve"], &pooler.url(&database));
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(&format!("loses the setting {lost}")), "{log}");
        assert!(log.contains("pooler=transaction"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_are_refused_through_a_pooler_and_their_status_is_not() {
    let cluster = Cluster::start_new(&[]);
    let database = TestDatabase::create_in(&cluster).await;
    let pooler = Pooler::start(&database, TRANSACTION_MODE);
    let url = pooled_url(&pooler, &database);
    for command in [&["serve"][..], &["migrate", "up"]] {
        let (code, log) = orders(command, &url);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("use the URL of the database itself"), "{log}");
    }
    assert_eq!(orders(&["migrate", "status"], &url).0, Some(1));
    assert_eq!(orders(&["migrate", "up"], &database.url).0, Some(0));
    // Several times, on any session: no prepared statement is in the way.
    for _ in 0..5 {
        let (code, log) = orders(&["migrate", "status"], &url);
        assert_eq!(code, Some(0), "{log}");
    }
}
