//! Retries after the service was healed: every key until it is answered, and fresh keys to see
//! whether the target still takes orders.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use super::round::Runner;
use crate::hammer::history::{Attempt, Invoked};
use crate::hammer::workload::{Fault, Gate, PlannedAttempt, RequestKind, Round, Scenario};

/// Maximum number of keys that are retried at the same time.
const CONCURRENCY: usize = 64;

/// One key to retry.
struct Retry {
    scenario: Scenario,
    accepted: bool,
    /// An attempt for the accepted payload, or one for each payload that was tried.
    attempts: Vec<PlannedAttempt>,
}

impl Runner {
    /// Retries every key of the cycle: unanswered keys until `settle_time` has passed, then each
    /// answered key once while `replay_time` lasts. Returns whether a fresh key is accepted.
    pub(crate) async fn drain(
        &self,
        control: [PlannedAttempt; 2],
        settle_time: Duration,
        replay_time: Duration,
    ) -> bool {
        let keys = self.client.recorder.with_attempts(retries);
        let (answered, unanswered): (Vec<Retry>, Vec<Retry>) =
            keys.into_iter().partition(|key| key.accepted);
        let deadline = Instant::now() + settle_time;
        stream::iter(unanswered.iter().enumerate())
            .for_each_concurrent(CONCURRENCY, |(index, key)| {
                self.retry_until_accepted(key, index, deadline)
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
        self.accepts_orders(control).await
    }

    /// Returns whether one of two fresh keys is accepted.
    pub(crate) async fn accepts_orders(&self, [one, other]: [PlannedAttempt; 2]) -> bool {
        self.retry(Scenario::Contract, one).await || self.retry(Scenario::Contract, other).await
    }

    /// Retries with backoff until the key is accepted or the deadline has passed.
    async fn retry_until_accepted(&self, key: &Retry, mut instance: usize, deadline: Instant) {
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

    /// Makes one more attempt; returns whether it was accepted.
    async fn retry(&self, scenario: Scenario, attempt: PlannedAttempt) -> bool {
        let round = Round::single(attempt);
        let accepted = self.fire(scenario, &round, true, &mut Vec::new()).await;
        accepted.contains(&true)
    }
}

/// Collects every key that was used for an order, with the attempts to repeat.
fn retries(attempts: &[Attempt]) -> Vec<Retry> {
    let mut keys: BTreeMap<&str, Retry> = BTreeMap::new();
    for attempt in attempts {
        let invoked = &attempt.invoked;
        if invoked.kind != RequestKind::Place {
            continue;
        }
        let key = keys.entry(&invoked.key).or_insert_with(|| Retry {
            scenario: invoked.scenario,
            accepted: false,
            attempts: Vec::new(),
        });
        if key.accepted {
            continue;
        }
        let retry = repeat(invoked);
        let is_new = |known: &PlannedAttempt| known.payload.variant != retry.payload.variant;
        if attempt.accepted().is_some() {
            key.accepted = true;
            key.attempts = vec![retry];
        } else if key.attempts.iter().all(is_new) {
            key.attempts.push(retry);
        }
    }
    keys.into_values().collect()
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
    }
}
