//! The steps of a batch that are PostgreSQL's: claims, effects and COMMIT are one statement. It is
//! held at each of them, and the server is killed meanwhile. The statement outlives the server.

use super::{HELD, assert_converges, database, keys, storm};
use crate::harness::{Backend, Process, TestDatabase, order};

/// Where the statement is held.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// At a key that another transaction has inserted.
    Claim,
    /// After the claims, at the first order.
    Effect,
    /// After the effects, in the COMMIT.
    Commit,
}

/// What becomes of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It goes on and commits, unheard.
    Commits,
    /// PostgreSQL notices that its client is gone, or is restarted.
    RollsBack,
}

const ALIVE: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND application_name = 'orders'";

const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND application_name = 'orders'";

/// Long enough that it is the test that ends every wait.
const PATIENT: [&str; 8] = [
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
    database
        .execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             PERFORM pg_advisory_xact_lock_shared(7); RETURN NEW; END $$",
        )
        .await;
    database
        .execute(&format!(
            "CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION wait()"
        ))
        .await;
}

async fn killed_inside(step: Step, end: End) {
    let database = database(Backend::Postgres).await;
    wait_at(&database, step).await;
    let hold = match step {
        Step::Claim => database.hold("key-3").await,
        _ => database.begin("SELECT pg_advisory_xact_lock(7)").await,
    };
    let server = Process::start(Process::serving(&database).args(PATIENT));
    let client = server.client.clone();
    let cut_off = tokio::spawn(async move { storm(&client).await });
    database.until(HELD, |held| held > 0).await;
    server.kill();
    // Batches that did not meet the step were committed and answered before.
    let acknowledged = cut_off.await.unwrap();
    let before = database.orders().await;

    if matches!((step, end), (Step::Effect | Step::Commit, End::Commits)) {
        assert_in_use(&database).await;
    }
    if end == End::RollsBack {
        database.count(TERMINATE).await;
        database.until(ALIVE, |alive| alive == 0).await;
    }
    hold.roll_back().await;
    database.until(ALIVE, |alive| alive == 0).await;
    let after = database.orders().await;
    assert_eq!(after > before, end == End::Commits, "{step:?} {end:?}");
    assert_converges(database, keys(), &acknowledged).await;
}

/// The statement without a server still holds its keys: others are told to come back.
async fn assert_in_use(database: &TestDatabase) {
    let server = Process::serve(database);
    let refused = server.client.place("key-0", order("key-0", 1)).await;
    let refused = refused.expect(409);
    assert_eq!(refused.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.kill();
}

macro_rules! killed_inside {
    ($($name:ident: $step:ident, $end:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            killed_inside(Step::$step, End::$end).await;
        }
    )*};
}

killed_inside! {
    killed_at_the_claim_which_commits: Claim, Commits;
    killed_at_the_claim_which_is_rolled_back: Claim, RollsBack;
    killed_at_the_effects_which_commit: Effect, Commits;
    killed_at_the_effects_which_are_rolled_back: Effect, RollsBack;
    killed_in_the_commit_which_commits: Commit, Commits;
    killed_in_the_commit_which_is_rolled_back: Commit, RollsBack;
}
