//! After everything is healed: every key is retried until it is answered, and a fresh one shows
//! whether the target still takes orders at all.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use super::round::Runner;
use crate::hammer::history::Attempt;
use crate::hammer::workload::{Fault, Gate, Payload, PlannedAttempt, RequestKind, Round};

/// This many keys are retried at once.
const ABREAST: usize = 64;

/// What has to be retried, of one key.
struct Unfinished {
    scenario: String,
    resolved: bool,
    /// The payload that was accepted, or all that were tried.
    attempts: Vec<PlannedAttempt>,
}

impl Runner {
    /// Retries every key of the cycle: those without an answer until `settle` has passed, then
    /// the others once, as long as `replays` lasts. Says whether a fresh key is accepted.
    pub(crate) async fn drain(
        &self,
        control: [PlannedAttempt; 2],
        settle: Duration,
        replays: Duration,
    ) -> bool {
        let mut keys = self.client.recorder.with_attempts(unfinished);
        keys.sort_by_key(|key| key.resolved);
        let open = keys.partition_point(|key| !key.resolved);
        let deadline = Instant::now() + settle;
        stream::iter(keys.iter().take(open).enumerate())
            .for_each_concurrent(ABREAST, |(place, key)| self.insist(key, place, deadline))
            .await;
        let deadline = Instant::now() + replays;
        stream::iter(keys.iter().skip(open).enumerate())
            .for_each_concurrent(ABREAST / 4, |(place, key)| async move {
                if Instant::now() < deadline {
                    self.retry(&key.scenario, key.attempts[0].clone().on_instance(place))
                        .await;
                }
            })
            .await;
        self.accepts_orders(control).await
    }

    /// Whether one of two fresh keys is accepted.
    pub(crate) async fn accepts_orders(&self, [one, other]: [PlannedAttempt; 2]) -> bool {
        self.retry("contract", one).await || self.retry("contract", other).await
    }

    /// Retries with backoff until the key is answered or the time is over.
    async fn insist(&self, key: &Unfinished, mut place: usize, deadline: Instant) {
        let mut backoff = Duration::from_millis(25);
        while Instant::now() < deadline {
            for planned in &key.attempts {
                if self
                    .retry(&key.scenario, planned.clone().on_instance(place))
                    .await
                {
                    return;
                }
                place += 1;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(Duration::from_millis(400));
        }
    }

    /// One more attempt; says whether it was accepted.
    async fn retry(&self, scenario: &str, planned: PlannedAttempt) -> bool {
        let round = Round::single(planned);
        let accepted = self.fire(scenario, &round, true, &mut Vec::new()).await;
        accepted.contains(&true)
    }
}

/// Every key that was asked to make an order, with what to retry.
fn unfinished(attempts: &[Attempt]) -> Vec<Unfinished> {
    let mut keys: BTreeMap<&str, Unfinished> = BTreeMap::new();
    for attempt in attempts {
        let asked = &attempt.invoked;
        if asked.kind != RequestKind::Place {
            continue;
        }
        let key = keys.entry(&asked.key).or_insert_with(|| Unfinished {
            scenario: asked.scenario.clone(),
            resolved: false,
            attempts: Vec::new(),
        });
        let planned = again(attempt);
        if attempt.accepted().is_some() && !key.resolved {
            key.resolved = true;
            key.attempts = vec![planned];
        } else if !key.resolved
            && key
                .attempts
                .iter()
                .all(|one| one.payload.variant != planned.payload.variant)
        {
            key.attempts.push(planned);
        }
    }
    keys.into_values().collect()
}

/// The planned that repeats an attempt.
fn again(attempt: &Attempt) -> PlannedAttempt {
    let asked = &attempt.invoked;
    PlannedAttempt {
        kind: asked.kind,
        key: asked.key.clone(),
        lines: asked
            .lines
            .iter()
            .map(|line| line.clone().into_bytes())
            .collect(),
        payload: Payload {
            variant: asked.payload,
            item: asked.item.clone(),
            quantity: asked.quantity,
            spelling: asked.spelling,
        },
        instance: asked.instance,
        gate: Gate::LastByte,
        delay: Duration::ZERO,
        fault: Fault::None,
    }
}
