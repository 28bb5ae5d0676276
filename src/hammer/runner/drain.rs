//! Retries after the service was healed: every key until it is answered, and fresh keys to see
//! whether the target still takes orders.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;

use super::round::Runner;
use crate::hammer::contract::Contract;
use crate::hammer::history::{Answer, Attempt, Invoked};
use crate::hammer::workload::{Fault, Gate, PlannedAttempt, RequestKind, Round, Scenario};

/// Maximum number of keys that are retried at the same time.
const CONCURRENCY: usize = 64;

/// How many keys without an answer are retried once more, and how much longer their clients wait.
const SAMPLE: usize = 8;
const PATIENCE: u32 = 3;

/// How the retries went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drained {
    /// Whether a fresh key is accepted.
    pub(crate) accepts_orders: bool,
    /// Whether keys stayed without an answer only because the target is slow.
    pub(crate) is_slow: bool,
}

/// One key to retry.
struct Retry {
    scenario: Scenario,
    settled: bool,
    /// An attempt for the settled payload, or one for each payload that was tried.
    attempts: Vec<PlannedAttempt>,
}

impl Runner {
    /// Retries every key of the cycle: unanswered keys until `settle_time` has passed, then each
    /// answered key once while `replay_time` lasts.
    pub(crate) async fn drain(
        &self,
        control: [PlannedAttempt; 2],
        settle_time: Duration,
        replay_time: Duration,
    ) -> Drained {
        let keys = self
            .client
            .recorder
            .with_attempts(|all| retries(all, &self.client.contract));
        let (answered, unanswered): (Vec<Retry>, Vec<Retry>) =
            keys.into_iter().partition(|key| key.settled);
        let deadline = Instant::now() + settle_time;
        stream::iter(unanswered.iter().enumerate())
            .for_each_concurrent(CONCURRENCY, |(index, key)| {
                self.retry_until_settled(key, index, deadline)
            })
            .await;
        let deadline = Instant::now() + replay_time;
        stream::iter(answered.iter().enumerate())
            .for_each_concurrent(CONCURRENCY / 4, |(index, key)| async move {
                if Instant::now() < deadline {
                    let replay = key.attempts[0].clone().on_instance(index);
                    self.retry(key.scenario, replay).await;
                }
            })
            .await;
        let keys = self
            .client
            .recorder
            .with_attempts(|all| unsettled(all, &self.client.contract));
        Drained {
            accepts_orders: self.accepts_orders(control).await,
            is_slow: self.settles_with_patience(keys).await,
        }
    }

    /// Whether any of these keys settles if its client waits much longer: then the target is slow,
    /// and nothing follows from the answers that are missing.
    async fn settles_with_patience(&self, keys: Vec<Retry>) -> bool {
        let retries = keys.into_iter().take(SAMPLE).map(|mut key| {
            key.attempts[0].patience = PATIENCE;
            self.retry(key.scenario, key.attempts.remove(0))
        });
        join_all(retries).await.contains(&true)
    }

    /// Returns whether one of two fresh keys is accepted.
    pub(crate) async fn accepts_orders(&self, [one, other]: [PlannedAttempt; 2]) -> bool {
        self.retry(Scenario::Contract, one).await || self.retry(Scenario::Contract, other).await
    }

    /// Retries with backoff until the key is settled or the deadline has passed.
    async fn retry_until_settled(&self, key: &Retry, mut instance: usize, deadline: Instant) {
        let mut backoff = Duration::from_millis(25);
        while Instant::now() < deadline {
            for attempt in &key.attempts {
                let attempt = attempt.clone().on_instance(instance);
                if self.retry(key.scenario, attempt).await {
                    return;
                }
                instance += 1;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(Duration::from_millis(400));
        }
    }

    /// Makes one more attempt; returns whether it settled its key.
    async fn retry(&self, scenario: Scenario, attempt: PlannedAttempt) -> bool {
        let round = Round::single(attempt);
        let settled = self.fire(scenario, &round, true, &mut Vec::new()).await;
        settled.contains(&true)
    }
}

/// Collects every key that was used for an order, with the attempts to repeat.
fn retries(attempts: &[Attempt], contract: &Contract) -> Vec<Retry> {
    let mut keys: BTreeMap<&str, Retry> = BTreeMap::new();
    for attempt in attempts {
        let invoked = &attempt.invoked;
        if invoked.kind != RequestKind::Place {
            continue;
        }
        let key = keys.entry(&invoked.key).or_insert_with(|| Retry {
            scenario: invoked.scenario,
            settled: false,
            attempts: Vec::new(),
        });
        if key.settled {
            continue;
        }
        let retry = repeat(invoked);
        let is_new = |known: &PlannedAttempt| known.payload.variant != retry.payload.variant;
        let settles = |answer: &Answer| contract.response.settles(answer.status);
        if attempt.answer().is_some_and(settles) {
            key.settled = true;
            key.attempts = vec![retry];
        } else if key.attempts.iter().all(is_new) {
            key.attempts.push(retry);
        }
    }
    keys.into_values().collect()
}

/// The keys that are not settled and whose last retry was not answered.
fn unsettled(attempts: &[Attempt], contract: &Contract) -> Vec<Retry> {
    let mut answered: BTreeMap<&str, bool> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| attempt.invoked.drain) {
        answered.insert(&attempt.invoked.key, attempt.answer().is_some());
    }
    let mut keys = retries(attempts, contract);
    keys.retain(|key| {
        let label = key.attempts[0].key.as_str();
        !key.settled && answered.get(label) == Some(&false)
    });
    keys
}

/// Plans an attempt that repeats another one, without its fault.
fn repeat(invoked: &Invoked) -> PlannedAttempt {
    PlannedAttempt {
        kind: invoked.kind,
        key: invoked.key.clone(),
        key_headers: invoked
            .key_headers
            .iter()
            .map(|header| header.clone().into_bytes())
            .collect(),
        payload: invoked.payload(),
        instance: invoked.instance,
        gate: Gate::LastByte,
        delay: Duration::ZERO,
        fault: Fault::None,
        patience: 1,
    }
}
