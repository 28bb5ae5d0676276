//! Failures in a batch. They affect only the requests that cause them.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::harness::{App, Backend, Bounds, Instance, Reply, on_both, on_postgres, order};

/// How long requests get to queue behind one that waits. If they come too late the batches are
/// smaller, and the result is the same.
const QUEUED: Duration = Duration::from_millis(150);

fn keys(name: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("{name}-{n}"))
}

/// Makes the database refuse an item that is valid for the service.
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
    let statement = match app.database.backend {
        Backend::Sqlite => "DROP TRIGGER poison",
        Backend::Postgres => "ALTER TABLE orders DROP CONSTRAINT poison",
    };
    app.database.execute(statement).await;
}

on_both! {
    async fn one_bad_row_fails_alone_and_frees_its_key(app: &App with Bounds::one_lane()) {
        refuse_poison(app).await;
        let hold = app.database.hold("held").await;
        let first = app.client.spawn_place("held", order("tea", 1));
        tokio::time::sleep(QUEUED).await;
        let poison = app.client.spawn_place("poison", order("poison", 1));
        let body = order("tea", 1);
        let neighbours = app.client.place_all(keys("neighbour", 30), &body);
        let release = async {
            tokio::time::sleep(QUEUED).await;
            hold.roll_back().await;
        };
        let (neighbours, ()) = tokio::join!(neighbours, release);
        first.await.unwrap().expect(201);
        for neighbour in neighbours {
            neighbour.expect(201);
        }
        poison.await.unwrap().expect_error(500, "internal error");
        assert_eq!(app.database.orders().await, 31);

        allow_poison(app).await;
        app.client.place("poison", order("poison", 1)).await.expect(201);
    }
}

on_both! {
    async fn a_bad_row_does_not_fail_another_payload_of_its_key(app: &App with Bounds::one_lane()) {
        refuse_poison(app).await;
        let hold = app.database.hold("held").await;
        let first = app.client.spawn_place("held", order("tea", 1));
        tokio::time::sleep(QUEUED).await;
        let poison = app.client.spawn_place("key", order("poison", 1));
        tokio::time::sleep(QUEUED).await;
        let another = app.client.spawn_place("key", order("tea", 1));
        tokio::time::sleep(QUEUED).await;
        hold.roll_back().await;
        first.await.unwrap().expect(201);
        poison.await.unwrap().expect_error(500, "internal error");
        another.await.unwrap().expect(201);
    }
}

on_postgres! {
    async fn a_key_in_flight_elsewhere_is_in_use_and_its_neighbours_are_answered(
        app: &App with Bounds::one_lane()
    ) {
        let blocker = app.database.hold("blocker").await;
        let held = app.database.hold("held").await;
        let first = app.client.spawn_place("blocker", order("tea", 1));
        app.database.wait_for_blocked_session().await;
        let in_use = app.client.spawn_place("held", order("tea", 1));
        let body = order("tea", 1);
        let neighbours = app.client.place_all(keys("neighbour", 20), &body);
        let release = async {
            tokio::time::sleep(QUEUED).await;
            blocker.roll_back().await;
        };
        let (neighbours, ()) = tokio::join!(neighbours, release);
        first.await.unwrap().expect(201);
        for neighbour in neighbours {
            neighbour.expect(201);
        }
        let in_use = in_use.await.unwrap().expect(409);
        assert_eq!(in_use.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
        assert_eq!(in_use.header("retry-after"), Some("1"));

        held.roll_back().await;
        app.client.place("held", order("tea", 1)).await.expect(201);
    }
}

on_postgres! {
    async fn a_claim_waits_for_the_transaction_that_holds_its_key(app: &App) {
        let hold = app.database.hold("held").await;
        let waiting = app.client.spawn_place("held", order("tea", 1));
        app.database.wait_for_blocked_session().await;
        assert!(!waiting.is_finished());
        hold.roll_back().await;
        waiting.await.unwrap().expect(201);
    }
}

on_postgres! {
    async fn a_locked_table_is_not_a_key_in_use(
        app: &App with Bounds::with(|b| b.executor.request_timeout = Duration::from_secs(3))
    ) {
        let lock = app.database.begin("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await;
        let reply = app.client.place("key", order("tea", 1)).await.expect(503);
        assert_eq!(reply.header("retry-after"), Some("1"));
        lock.roll_back().await;
        app.client.place_with_retries("key", &order("tea", 1)).await.expect_order();
    }
}

fn small_queue() -> Bounds {
    let mut bounds = Bounds::one_lane();
    bounds.executor.queue_max = NonZeroUsize::new(4).unwrap();
    bounds.executor.request_timeout = Duration::from_millis(600);
    bounds
}

on_both! {
    async fn a_full_queue_and_a_missed_deadline_are_503_and_a_retry_succeeds(
        app: &App with small_queue()
    ) {
        let hold = app.database.hold("held").await;
        let late = app.client.spawn_place("held", order("tea", 1));
        tokio::time::sleep(QUEUED).await;
        let replies = app.client.place_all(keys("storm", 50), &order("tea", 1)).await;
        for reply in &replies {
            assert_eq!(reply.status, 503, "{}", reply.text());
            assert_eq!(reply.header("retry-after"), Some("1"));
        }
        let any = |error| replies.iter().any(|reply: &Reply| reply.text().contains(error));
        assert!(any("too many requests"));
        assert!(any("did not answer in time"));
        late.await.unwrap().expect(503);

        hold.roll_back().await;
        for key in keys("storm", 50) {
            app.client.place_with_retries(&key, &order("tea", 1)).await.expect_order();
        }
    }
}

on_postgres! {
    async fn serialization_failures_and_deadlocks_are_retried(app: &App) {
        for sqlstate in ["40001", "40P01"] {
            fail_two_commits(app, sqlstate).await;
            app.client.place(sqlstate, order("tea", 1)).await.expect(201);
            assert_eq!(attempts(app).await, 3);

            app.database.execute("ALTER SEQUENCE attempts RESTART").await;
            let url = format!("{}?pooler=transaction", app.database.url);
            let pooled = Instance::start_on(&url, Bounds::default()).await;
            let key = format!("{sqlstate}-pooled");
            pooled.client.place(&key, order("tea", 1)).await.expect(201);
            assert_eq!(attempts(app).await, 3);
            pooled.stop().await;
            app.database.execute("DROP FUNCTION fail CASCADE").await;
            app.database.execute("DROP SEQUENCE attempts").await;
        }
    }
}

/// Makes the next two commits of an order fail. They are counted by a sequence, which no rollback
/// takes back.
async fn fail_two_commits(app: &App, sqlstate: &str) {
    app.database.execute("CREATE SEQUENCE attempts").await;
    let fail = format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('attempts') <= 2 THEN \
         RAISE EXCEPTION 'on purpose' USING ERRCODE = '{sqlstate}'; END IF; \
         RETURN NULL; END $$"
    );
    app.database.execute(&fail).await;
    let at_commit = "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON orders \
                     DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()";
    app.database.execute(at_commit).await;
}

async fn attempts(app: &App) -> i64 {
    app.database.count("SELECT last_value FROM attempts").await
}

on_postgres! {
    async fn a_duplicate_whose_row_is_swept_before_it_is_read_is_placed(app: &App) {
        app.database.hold("old").await.commit().await;
        // After the claim that met the row, and before the row is read.
        let sweep = "CREATE FUNCTION sweep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                     DELETE FROM idempotency_keys WHERE response = '\\x00'; RETURN NULL; END $$";
        app.database.execute(sweep).await;
        let after_claim = "CREATE TRIGGER sweep AFTER INSERT ON idempotency_keys \
                           FOR EACH STATEMENT EXECUTE FUNCTION sweep()";
        app.database.execute(after_claim).await;
        app.client.place("old", order("tea", 1)).await.expect(201);
        app.client.place("old", order("tea", 1)).await.expect(200);
    }
}

on_postgres! {
    /// PostgreSQL keeps the plan of a prepared statement, made while the tables were small.
    async fn duplicates_are_looked_up_by_the_index(app: &App with Bounds::one_lane()) {
        let rounds = 8;
        for round in 0..rounds {
            let name = format!("round-{round}");
            for status in [201, 200] {
                for reply in app.client.place_all(keys(&name, 20), &order("tea", 1)).await {
                    reply.expect(status);
                }
            }
        }
        // A session reports its statistics at most once a second, at the end of a transaction.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        app.client.place("last", order("tea", 1)).await.expect(201);
        let statistic = |column| {
            format!("SELECT {column} FROM pg_stat_user_tables WHERE relname = 'idempotency_keys'")
        };
        app.database.until(&statistic("n_tup_ins"), |rows| rows == 161).await;
        // The migration accounts for a few.
        let scans = app.database.count(&statistic("seq_scan")).await;
        assert!(scans < rounds, "{scans} sequential scans of the key table");
    }
}
