//! Sends what the workload says and records what comes back.
//!
//! Owns the one send loop: a case is played round by round, a round is prepared up to its gates
//! and released at one instant. Promises that everything that was sent is in the history, and
//! that nothing is sent twice. Knows no rule of the contract and no verdict.

mod attempt;
mod drain;
mod reading;

pub(crate) use reading::order as read_order;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::fault::{Instances, Intercepted};
use super::history::{Event, FaultSeen, Recorder};
use super::wire::Pool;
use super::workload::{Case, ProcessFault, ProcessFaultKind, Round};

/// Between the last byte before the gates and their opening: the server takes in what it has.
const GATES_CLOSED: Duration = Duration::from_micros(400);

/// The sending half of the hammer.
pub(crate) struct Runner {
    /// One for each instance of the service.
    pub(crate) pools: Vec<Arc<Pool>>,
    pub(crate) recorder: Arc<Recorder>,
    /// The instances themselves, if the hammer has started them.
    pub(crate) instances: Option<Arc<Instances>>,
    /// How long an attempt waits for its answer.
    pub(crate) patience: Duration,
}

impl Runner {
    /// Plays one case to its end.
    pub(crate) async fn play(&self, case: &Case) {
        let mut pending = Vec::new();
        for round in &case.rounds {
            tokio::time::sleep(round.backoff).await;
            if round.after_faults {
                self.settle(&mut pending).await;
            }
            self.fire(case.scenario.name(), round, false, &mut pending)
                .await;
        }
        self.settle(&mut pending).await;
    }

    /// One round: everything up to the gates, then the gates, then the answers. Says which of
    /// the attempts were accepted.
    async fn fire(
        &self,
        scenario: &str,
        round: &Round,
        drain: bool,
        pending: &mut Vec<Intercepted>,
    ) -> Vec<bool> {
        let during_process_fault = round.process_fault.is_some();
        let prepare = round
            .attempts
            .iter()
            .map(|planned| self.prepare(scenario, planned, during_process_fault, drain));
        let mut prepared = join_all(prepare).await;
        pending.extend(
            prepared
                .iter_mut()
                .filter_map(attempt::Prepared::take_proxy),
        );
        if prepared.len() > 1 {
            tokio::time::sleep(GATES_CLOSED).await;
        }
        let flight = AtomicUsize::new(0);
        let open = Instant::now();
        let answers = join_all(
            prepared
                .into_iter()
                .map(|one| self.finish(one, open, &flight)),
        );
        // One poll releases all attempts without a turn of the event loop in between.
        let (accepted, ()) = tokio::join!(
            tokio::task::unconstrained(answers),
            self.inject(scenario, round.process_fault, open, &flight)
        );
        accepted
    }

    /// Strikes an instance in the middle of a round, and heals it.
    async fn inject(
        &self,
        scenario: &str,
        process_fault: Option<ProcessFault>,
        open: Instant,
        flight: &AtomicUsize,
    ) {
        let (Some(process_fault), Some(instances)) = (process_fault, &self.instances) else {
            return;
        };
        let victim = process_fault.instance % self.pools.len();
        attempt::hold_until(open + Duration::from_micros(process_fault.after_us)).await;
        let caught = flight.load(Ordering::Relaxed);
        let (fault, done) = match process_fault.kind {
            ProcessFaultKind::Kill => ("kill", instances.kill(victim).await),
            ProcessFaultKind::Pause { .. } => ("pause", instances.pause(victim).await),
        };
        let t = self.recorder.now();
        let healed = match process_fault.kind {
            ProcessFaultKind::Kill => {
                self.pools[victim].clear();
                instances.restart(victim).await
            }
            ProcessFaultKind::Pause { hold_ms } => {
                tokio::time::sleep(Duration::from_millis(hold_ms)).await;
                instances.resume(victim).await
            }
        };
        let trouble = done
            .and(healed)
            .err()
            .map(|error| format!(", but: {error}"));
        self.recorder.record(Event::Fault(FaultSeen {
            t,
            fault: fault.to_owned(),
            scenario: scenario.to_owned(),
            attempt: None,
            landed: caught > 0 && trouble.is_none(),
            evidence: format!(
                "instance {victim} with {caught} requests in flight{}",
                trouble.unwrap_or_default()
            ),
        }));
    }

    /// Waits for the proxies and records what they saw.
    async fn settle(&self, pending: &mut Vec<Intercepted>) {
        for proxy in pending.drain(..) {
            let seen = proxy.evidence(&self.recorder).await;
            self.recorder.record(Event::Fault(seen));
        }
    }
}
