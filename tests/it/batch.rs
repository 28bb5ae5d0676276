//! What can go wrong in a batch, and that it goes wrong for nobody else.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::harness::{App, Backend, Bounds, Instance, Reply, digest, order};

/// One lane, so that what waits is one batch.
fn one_lane() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.executor.lanes = NonZeroUsize::MIN;
    bounds
}

/// Long enough for requests to be queued behind one that waits. A test that comes too early sees
/// smaller batches, not another result.
const QUEUED: Duration = Duration::from_millis(150);

/// Places orders `name-0` to `name-(count - 1)` at once.
async fn place_many(app: &App, name: &'static str, count: usize) -> Vec<Reply> {
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..count {
        let client = app.client.clone();
        requests.spawn(async move { client.place(&format!("{name}-{n}"), order("tea", 1)).await });
    }
    requests.join_all().await
}

/// Makes the database refuse one item, after everything we check ourselves.
async fn refuse_poison(app: &App) {
    let statement = match app.database.backend {
        Backend::Sqlite => {
            "CREATE TRIGGER poison BEFORE INSERT ON orders WHEN NEW.item = 'poison' \
             BEGIN SELECT RAISE(ABORT, 'poison'); END"
        }
        Backend::Postgres => "ALTER TABLE orders ADD CONSTRAINT poison CHECK (item <> 'poison')",
    };
    app.database.execute(statement).await;
}

async fn allow_poison(app: &App) {
    app.database
        .execute(match app.database.backend {
            Backend::Sqlite => "DROP TRIGGER poison",
            Backend::Postgres => "ALTER TABLE orders DROP CONSTRAINT poison",
        })
        .await;
}

async fn one_bad_row_fails_alone_and_frees_its_key(backend: Backend) {
    let app = App::start(backend, one_lane()).await;
    refuse_poison(&app).await;
    let hold = app.database.hold("held").await;
    let first = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    let poison = tokio::spawn(app.client.clone().place_owned("poison", order("poison", 1)));
    let release = async {
        tokio::time::sleep(QUEUED).await;
        hold.roll_back().await;
    };
    let (neighbours, ()) = tokio::join!(place_many(&app, "neighbour", 30), release);
    first.await.unwrap().expect(201);
    for neighbour in neighbours {
        neighbour.expect(201);
    }
    poison.await.unwrap().expect_error(500, "internal error");
    assert_eq!(app.database.orders().await, 31);

    allow_poison(&app).await;
    app.client
        .place("poison", order("poison", 1))
        .await
        .expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_row_fails_alone_sqlite() {
    one_bad_row_fails_alone_and_frees_its_key(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_row_fails_alone_postgres() {
    one_bad_row_fails_alone_and_frees_its_key(Backend::Postgres).await;
}

async fn a_bad_row_does_not_fail_another_payload_of_its_key(backend: Backend) {
    let app = App::start(backend, one_lane()).await;
    refuse_poison(&app).await;
    let hold = app.database.hold("held").await;
    let first = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    let poison = tokio::spawn(app.client.clone().place_owned("key", order("poison", 1)));
    tokio::time::sleep(QUEUED).await;
    let another = tokio::spawn(app.client.clone().place_owned("key", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    hold.roll_back().await;
    first.await.unwrap().expect(201);
    poison.await.unwrap().expect_error(500, "internal error");
    another.await.unwrap().expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_does_not_fail_another_payload_of_its_key_sqlite() {
    a_bad_row_does_not_fail_another_payload_of_its_key(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_row_does_not_fail_another_payload_of_its_key_postgres() {
    a_bad_row_does_not_fail_another_payload_of_its_key(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_flight_elsewhere_is_in_use_and_its_neighbours_are_answered() {
    let app = App::start(Backend::Postgres, one_lane()).await;
    let blocker = app.database.hold("blocker").await;
    let held = app.database.hold("held").await;
    let first = tokio::spawn(app.client.clone().place_owned("blocker", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    let in_use = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    let release = async {
        tokio::time::sleep(QUEUED).await;
        blocker.roll_back().await;
    };
    let (neighbours, ()) = tokio::join!(place_many(&app, "neighbour", 20), release);
    first.await.unwrap().expect(201);
    for neighbour in neighbours {
        neighbour.expect(201);
    }
    let in_use = in_use.await.unwrap().expect(409);
    assert_eq!(in_use.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(in_use.header("retry-after"), Some("1"));

    held.roll_back().await;
    app.client.place("held", order("tea", 1)).await.expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_waits_for_an_instance_that_is_about_to_commit() {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    let hold = app.database.hold("held").await;
    let waiting = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    assert!(
        !waiting.is_finished(),
        "the claim waits for the other transaction"
    );
    hold.roll_back().await;
    waiting.await.unwrap().expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_table_is_not_a_key_in_use() {
    let mut bounds = Bounds::default();
    bounds.executor.request_timeout = Duration::from_secs(3);
    let app = App::start(Backend::Postgres, bounds).await;
    let lock = app
        .database
        .begin("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        .await;
    let reply = app.client.place("key", order("tea", 1)).await.expect(503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    lock.roll_back().await;
    let retry = app.client.persist("key", &order("tea", 1)).await;
    assert!(matches!(retry.status, 200 | 201), "{}", retry.text());
    app.finish().await;
}

async fn a_full_queue_and_a_deadline_are_503_and_a_retry_converges(backend: Backend) {
    let mut bounds = one_lane();
    bounds.executor.queue_max = NonZeroUsize::new(4).unwrap();
    bounds.executor.request_timeout = Duration::from_millis(600);
    let app = App::start(backend, bounds).await;
    let hold = app.database.hold("held").await;
    let late = tokio::spawn(app.client.clone().place_owned("held", order("tea", 1)));
    tokio::time::sleep(QUEUED).await;
    let replies = place_many(&app, "storm", 50).await;
    assert_eq!(replies.len(), 50);
    let error = |reply: &Reply| reply.json()["error"].as_str().unwrap().to_owned();
    for reply in &replies {
        assert_eq!(reply.status, 503, "{}", reply.text());
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    assert!(
        replies
            .iter()
            .any(|reply| error(reply).starts_with("too many requests"))
    );
    assert!(
        replies
            .iter()
            .any(|reply| error(reply).contains("did not answer in time"))
    );
    assert_eq!(late.await.unwrap().status, 503);

    hold.roll_back().await;
    for n in 0..50 {
        let retry = app
            .client
            .persist(&format!("storm-{n}"), &order("tea", 1))
            .await;
        assert!(matches!(retry.status, 200 | 201), "{}", retry.text());
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_503_sqlite() {
    a_full_queue_and_a_deadline_are_503_and_a_retry_converges(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_503_postgres() {
    a_full_queue_and_a_deadline_are_503_and_a_retry_converges(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serialization_failures_and_deadlocks_are_run_again() {
    for sqlstate in ["40001", "40P01"] {
        let app = App::start(Backend::Postgres, Bounds::default()).await;
        // A sequence does not roll back, so the third attempt passes.
        app.database.execute("CREATE SEQUENCE attempts").await;
        app.database
            .execute(&format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF nextval('attempts') <= 2 THEN \
                 RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END IF; \
                 RETURN NULL; END $$"
            ))
            .await;
        app.database
            .execute(
                "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON orders \
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
            )
            .await;
        app.client.place("key", order("tea", 1)).await.expect(201);
        let attempts = "SELECT last_value FROM attempts";
        assert_eq!(app.database.count(attempts).await, 3);

        // The same where it is COMMIT that fails: on a session that a pooler lends.
        app.database
            .execute("ALTER SEQUENCE attempts RESTART")
            .await;
        let url = format!("{}?pooler=transaction", app.database.url);
        let pooled = Instance::start_on(&url, Bounds::default()).await;
        pooled
            .client
            .place("2nd", order("tea", 1))
            .await
            .expect(201);
        assert_eq!(app.database.count(attempts).await, 3);
        pooled.stop().await;
        app.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loser_whose_row_was_swept_meanwhile_claims_it_anew() {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    app.database
        .execute(&format!(
            "INSERT INTO idempotency_keys (digest, scope, key, fingerprint, resource, response) \
             VALUES ('{}', 'place_order', 'old', '\\x00', gen_random_uuid(), '\\x00')",
            digest("old")
        ))
        .await;
    // Between the claim and the read of the loser.
    app.database
        .execute(
            "CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             DELETE FROM idempotency_keys WHERE response = '\\x00'; RETURN NULL; END $$",
        )
        .await;
    app.database
        .execute(
            "CREATE TRIGGER sweep AFTER INSERT ON idempotency_keys \
             FOR EACH STATEMENT EXECUTE FUNCTION sweep()",
        )
        .await;
    app.client.place("old", order("tea", 1)).await.expect(201);
    app.client.place("old", order("tea", 1)).await.expect(200);
    app.finish().await;
}

/// The plan of a statement is kept, from when the tables were small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_looked_up_by_the_index() {
    let app = App::start(Backend::Postgres, one_lane()).await;
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for name in names {
        for status in [201, 200] {
            for reply in place_many(&app, name, 20).await {
                reply.expect(status);
            }
        }
    }
    // A session tells its counts once a second, at the end of a transaction.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    app.client.place("last", order("tea", 1)).await.expect(201);
    let told = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'idempotency_keys'";
    app.database.until(told, |rows| rows == 161).await;
    // The few of the sessions that made the schema are told at any time.
    let scans = app
        .database
        .count("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'idempotency_keys'")
        .await;
    assert!(
        scans < names.len().try_into().unwrap(),
        "{scans} times all of the table"
    );
    app.finish().await;
}
