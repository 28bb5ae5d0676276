//! PgBouncer in transaction mode: a session is lent for one transaction, and what was set or
//! prepared in it is somebody else's afterwards.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Load, terminate_sessions};
use crate::harness::{Bounds, Cluster, Instance, Pooler, Process, TestDatabase, order};

/// Fewer sessions than there are connections to it, so that everybody gets everybody's.
const TRANSACTION_MODE: &str = "pool_mode = transaction\ndefault_pool_size = 4";

/// A cluster and an empty database in it.
async fn empty_database() -> (Cluster, TestDatabase) {
    let cluster = Cluster::start_new(&[("fsync", "off")]);
    let database = TestDatabase::create_in(&cluster).await;
    (cluster, database)
}

/// The same with the schema, which was brought up without the pooler.
async fn database() -> (Cluster, TestDatabase) {
    let (cluster, database) = empty_database().await;
    database.connect().await.schema().up().await.unwrap();
    (cluster, database)
}

fn pooled_url(pooler: &Pooler, database: &TestDatabase) -> String {
    format!("{}&pooler=transaction", pooler.url(database))
}

async fn start_three(url: &str) -> [Instance; 3] {
    let start = || Instance::start_on(url, Bounds::default());
    [start().await, start().await, start().await]
}

/// Every session that was lent is given back: soon, and not because the database ended it.
async fn lends_nothing(database: &TestDatabase) {
    let lent = "SELECT count(*) FROM pg_stat_activity \
                WHERE application_name = 'orders' AND state LIKE 'idle in transaction%'";
    let deadline = Instant::now() + Duration::from_secs(3);
    while database.count(lent).await > 0 {
        assert!(Instant::now() < deadline, "a transaction stays open");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_the_pooler_itself_die_under_three_instances() {
    let (_cluster, database) = database().await;
    let mut pooler = Pooler::start(&database, TRANSACTION_MODE);
    let instances = start_three(&pooled_url(&pooler, &database)).await;
    let clients = instances.each_ref().map(|instance| &instance.client);
    let load = Load::start(&clients);
    load.progress(100).await;
    let ended = terminate_sessions(&database).await;
    assert!(ended > 20, "{ended} sessions ended");
    load.progress(20).await;
    for _ in 0..3 {
        tokio::task::block_in_place(|| pooler.restart());
        load.progress(20).await;
    }
    let tally = load.stop().await;
    eprintln!("through PgBouncer: {ended} sessions ended, 3 restarts");
    tally.assert_hardly_noticed();
    tally.assert_kept(clients[0], &database).await;
    for instance in instances {
        instance.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_same_as_without_it() {
    let (_cluster, database) = database().await;
    let pooler = Pooler::start(&database, TRANSACTION_MODE);
    let instances = start_three(&pooled_url(&pooler, &database)).await;
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

    // The lock wait comes along with every transaction, the short one too.
    let held = database.hold("held").await;
    let (in_use, neighbour) = tokio::join!(
        one.place("held", order("tea", 1)),
        one.place("neighbour", order("tea", 1)),
    );
    assert_eq!(in_use.expect(409).json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    neighbour.expect(201);
    lends_nothing(&database).await;
    held.roll_back().await;
    one.place("held", order("tea", 1)).await.expect(201);

    // Reads that are given up in the middle leave nothing behind for the next.
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
    lends_nothing(&database).await;
    database.assert_promise().await;
}

/// Runs a command on a database URL to its end, and returns its exit code and what it logged.
fn orders(arguments: &[&str], url: &str) -> (Option<i32>, String) {
    let mut command = Process::command(arguments);
    let output = Process::output(command.env("DATABASE_URL", url).env("PORT", "0"));
    let log = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_was_not_told_of_is_refused_by_the_name_of_what_it_loses() {
    let (_cluster, database) = database().await;
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
async fn the_schema_is_changed_on_the_database_itself_and_looked_at_through_the_pooler() {
    let (_cluster, database) = empty_database().await;
    let pooler = Pooler::start(&database, TRANSACTION_MODE);
    let url = pooled_url(&pooler, &database);
    for command in [&["serve"][..], &["migrate", "up"]] {
        let (code, log) = orders(command, &url);
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains("use the URL of the database itself"), "{log}");
    }
    assert_eq!(orders(&["migrate", "status"], &url).0, Some(1));
    assert_eq!(orders(&["migrate", "up"], &database.url).0, Some(0));
    // More than once, on whatever session: nothing that was prepared is in the way.
    for _ in 0..5 {
        let (code, log) = orders(&["migrate", "status"], &url);
        assert_eq!(code, Some(0), "{log}");
    }
}
