//! The server is killed while PostgreSQL is inside a batch: blocked at a claim, at an effect, or in
//! the commit.

use super::{assert_converges, keys, storm};
use crate::harness::{Process, TestDatabase, on_postgres, order};

/// Where PostgreSQL is blocked.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// At a key that another transaction has inserted.
    Claim,
    /// At the first order.
    Effect,
    /// In the commit, after all effects.
    Commit,
}

/// What happens to the session after its server is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The lock is released, and the session goes on without a client.
    Continues,
    /// PostgreSQL ends the session.
    Ends,
}

const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND application_name = 'orders'";

/// Timeouts long enough that only the test ends a wait.
const NO_TIMEOUTS: [&str; 8] = [
    "--lanes",
    "1",
    "--lock-wait",
    "20s",
    "--transaction-timeout",
    "25s",
    "--request-timeout",
    "30s",
];

/// Makes every order, or every commit of one, wait for an advisory lock.
async fn wait_at(database: &TestDatabase, step: Step) {
    let trigger = match step {
        Step::Claim => return,
        Step::Effect => "TRIGGER wait BEFORE INSERT ON orders",
        Step::Commit => {
            "CONSTRAINT TRIGGER wait AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED"
        }
    };
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$";
    database.execute(wait).await;
    let trigger = format!("CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION wait()");
    database.execute(&trigger).await;
}

async fn killed_inside(database: &TestDatabase, step: Step, then: Then) {
    wait_at(database, step).await;
    let hold = match step {
        Step::Claim => database.hold("key-3").await,
        _ => database.begin("SELECT pg_advisory_xact_lock(7)").await,
    };
    let server = Process::serve_with(database, &NO_TIMEOUTS);
    let client = server.client.clone();
    let requests = tokio::spawn(async move { storm(&client).await });
    database.wait_for_blocked_session().await;
    server.kill();
    // A batch that did not reach the step has committed before.
    let acknowledged = requests.await.unwrap();
    let before = database.orders().await;

    match then {
        Then::Continues => {
            if !matches!(step, Step::Claim) {
                assert_in_use(database).await;
            }
        }
        Then::Ends => {
            database.terminate_sessions().await;
            database.until(SESSIONS, |sessions| sessions == 0).await;
        }
    }
    hold.roll_back().await;
    database.until(SESSIONS, |sessions| sessions == 0).await;
    let after = database.orders().await;
    match (step, then) {
        (_, Then::Ends) => assert_eq!(after, before, "{step:?}: it was rolled back"),
        (Step::Commit, Then::Continues) => assert!(after > before, "it was committed"),
        // It may commit or notice that its client is gone.
        (Step::Claim | Step::Effect, Then::Continues) => {}
    }
    assert_converges(database, keys(), &acknowledged).await;
}

/// The session without a server still holds the keys of its batch.
async fn assert_in_use(database: &TestDatabase) {
    let server = Process::serve(database);
    let refused = server.client.place("key-0", order("key-0", 1)).await;
    let refused = refused.expect(409);
    assert_eq!(refused.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.kill();
}

macro_rules! killed_inside {
    ($($name:ident: $step:ident, $then:ident;)*) => {$(
        on_postgres! {
            async fn $name(database: &TestDatabase) {
                killed_inside(database, Step::$step, Then::$then).await;
            }
        }
    )*};
}

killed_inside! {
    killed_at_a_claim_that_continues: Claim, Continues;
    killed_at_a_claim_that_ends: Claim, Ends;
    killed_at_an_effect_that_continues: Effect, Continues;
    killed_at_an_effect_that_ends: Effect, Ends;
    killed_in_a_commit_that_continues: Commit, Continues;
    killed_in_a_commit_that_ends: Commit, Ends;
}
