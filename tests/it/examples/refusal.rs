//! An operation that writes before it refuses, on the library itself.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use orders::idempotency::{
    Answer, Executor, Fingerprint, IdempotencyKey, Lanes, Operation, Outcome, Scope, ScopedKey,
    Settings,
};
use orders::json::Json;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::harness::{Backend, TestDatabase};

/// Inserts a row, and takes pieces from what is left.
struct Take {
    id: Uuid,
    quantity: i64,
    rival: Option<Arc<Rival>>,
    gate: Option<Arc<Gate>>,
}

/// Keeps the lane busy while requests are queued.
#[derive(Default)]
struct Gate {
    reached: Notify,
    open: Notify,
}

/// Another instance, which takes pieces when `apply` is called for the second time.
struct Rival {
    calls: AtomicUsize,
    database: TestDatabase,
}

impl Rival {
    async fn called(&self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) == 1 {
            let take = "UPDATE pool SET pieces = pieces - 3";
            self.database.execute(take).await;
        }
    }
}

impl Operation for Take {
    const NAME: &'static str = "take";
    const REFUSES: bool = true;

    fn resource(&self) -> Uuid {
        self.id
    }

    async fn apply(txn: &DatabaseTransaction, winners: &[&Self]) -> Result<Vec<Answer>, DbErr> {
        assert!(!winners.is_empty(), "called for nothing");
        if let Some(gate) = &winners[0].gate {
            gate.reached.notify_one();
            gate.open.notified().await;
            return Ok(vec![Answer::Accepted("".into())]);
        }
        if let Some(rival) = &winners[0].rival {
            rival.called().await;
        }
        let mut answers = Vec::new();
        for take in winners {
            let (id, quantity) = (take.id, take.quantity);
            txn.execute_unprepared(&format!("INSERT INTO taken VALUES ('{id}', {quantity})"))
                .await?;
            let taken = txn
                .execute_unprepared(&format!(
                    "UPDATE pool SET pieces = pieces - {quantity} WHERE pieces >= {quantity}"
                ))
                .await?;
            answers.push(if taken.rows_affected() == 1 {
                Answer::Accepted(id.to_string().into())
            } else {
                Answer::Refused {
                    status: 422,
                    body: "no".into(),
                }
            });
        }
        Ok(answers)
    }
}

/// A pool of ten pieces, and an executor with one lane.
async fn start(database: &TestDatabase) -> (Executor<Take>, Lanes) {
    let service = database.connect().await;
    service.schema().up().await.unwrap();
    for statement in [
        "CREATE TABLE taken (id TEXT PRIMARY KEY, quantity BIGINT)",
        "CREATE TABLE pool (pieces BIGINT)",
        "INSERT INTO pool VALUES (10)",
    ] {
        database.execute(statement).await;
    }
    let settings = Settings {
        lanes: NonZeroUsize::MIN,
        ..Settings::default()
    };
    Executor::start(&service, &settings).unwrap()
}

/// Keys in the order in which a batch applies them.
fn keys(count: usize) -> Vec<ScopedKey> {
    let key = |n| ScopedKey {
        scope: Scope::shared(Take::NAME),
        key: IdempotencyKey::parse(format!("key-{n}").as_bytes()).unwrap(),
    };
    let mut keys: Vec<ScopedKey> = (0..count).map(key).collect();
    keys.sort_by_key(ScopedKey::digest);
    keys
}

/// Executes requests as one batch, in this order: all of them are queued before the lane is free.
async fn execute(
    executor: &Executor<Take>,
    quantities: &[i64],
    rival: Option<&Arc<Rival>>,
) -> Vec<Outcome> {
    let payload = Json::parse(b"{}").unwrap();
    let requests = keys(quantities.len()).into_iter().zip(quantities);
    let executed = requests.map(|(key, quantity)| {
        let take = Take {
            id: Uuid::now_v7(),
            quantity: *quantity,
            rival: rival.cloned(),
            gate: None,
        };
        executor.execute(key, Fingerprint::of(Take::NAME, &payload), take)
    });
    let gate = Arc::new(Gate::default());
    let first = Take {
        id: Uuid::now_v7(),
        quantity: 0,
        rival: None,
        gate: Some(Arc::clone(&gate)),
    };
    let key = ScopedKey {
        scope: Scope::shared(Take::NAME),
        key: IdempotencyKey::parse(Uuid::new_v4().to_string().as_bytes()).unwrap(),
    };
    let first = executor.execute(key, Fingerprint::of(Take::NAME, &payload), first);
    let others = async {
        gate.reached.notified().await;
        let open = async { gate.open.notify_one() };
        tokio::join!(futures_util::future::join_all(executed), open).0
    };
    let (first, outcomes) = tokio::join!(first, others);
    first.unwrap();
    outcomes.into_iter().map(Result::unwrap).collect()
}

fn answer(outcome: &Outcome) -> &Answer {
    let (Outcome::Created(stored) | Outcome::Replayed(stored)) = outcome;
    &stored.answer
}

/// The positions of the requests that were accepted.
fn accepted(outcomes: &[Outcome]) -> Vec<usize> {
    let is_accepted = |i: &usize| matches!(answer(&outcomes[*i]), Answer::Accepted(_));
    (0..outcomes.len()).filter(is_accepted).collect()
}

async fn only_the_effects_of_accepted_requests_remain(backend: Backend) {
    let database = TestDatabase::create(backend).await;
    let (executor, lanes) = start(&database).await;
    let quantities = [8, 9, 1, 5, 1, 2, 7];
    let outcomes = execute(&executor, &quantities, None).await;
    assert_eq!(accepted(&outcomes), [0, 2, 4]);
    let created = |outcome: &&Outcome| matches!(outcome, Outcome::Created(_));
    assert_eq!(outcomes.iter().filter(created).count(), quantities.len());
    for outcome in &outcomes {
        let (Outcome::Created(stored) | Outcome::Replayed(stored)) = outcome;
        let rows = format!(
            "SELECT count(*) FROM taken WHERE id = '{}'",
            stored.resource
        );
        let stays = matches!(stored.answer, Answer::Accepted(_));
        assert_eq!(database.count(&rows).await, i64::from(stays));
    }
    assert_eq!(database.count("SELECT count(*) FROM taken").await, 3);
    assert_eq!(database.count("SELECT pieces FROM pool").await, 0);

    let again = execute(&executor, &quantities, None).await;
    for (first, again) in outcomes.iter().zip(&again) {
        assert!(matches!(again, Outcome::Replayed(_)));
        assert_eq!(answer(first), answer(again));
    }
    assert_eq!(database.count("SELECT count(*) FROM taken").await, 3);
    drop(executor);
    lanes.drained().await;
    database.drop().await;
}

#[tokio::test]
async fn only_the_effects_of_accepted_requests_remain_sqlite() {
    only_the_effects_of_accepted_requests_remain(Backend::Sqlite).await;
}

#[tokio::test]
async fn only_the_effects_of_accepted_requests_remain_postgres() {
    only_the_effects_of_accepted_requests_remain(Backend::Postgres).await;
}

/// A rollback to a savepoint gives row locks back, so that another instance can come between. (On
/// SQLite a transaction is alone.)
#[tokio::test]
async fn nothing_is_refused_for_an_effect_that_did_not_happen() {
    let database = TestDatabase::create(Backend::Postgres).await;
    let (executor, lanes) = start(&database).await;
    let rival = Arc::new(Rival {
        calls: AtomicUsize::new(0),
        database,
    });
    // The first takes all, so the second is refused. Then the rival takes three, the first is
    // refused as well, and seven are left.
    let outcomes = execute(&executor, &[10, 1], Some(&rival)).await;
    assert_eq!(accepted(&outcomes), [1]);
    let database = &rival.database;
    assert_eq!(database.count("SELECT pieces FROM pool").await, 6);
    assert_eq!(database.count("SELECT count(*) FROM taken").await, 1);
    drop(executor);
    lanes.drained().await;
    let Rival { database, .. } = Arc::into_inner(rival).expect("no request is left");
    database.drop().await;
}
