//! Runs cases: round by round, with process faults in the middle of a round.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::client::{Client, Prepared};
use super::timing::sleep_until;
use crate::hammer::fault::{Instances, Intercepted};
use crate::hammer::history::{Event, FaultSeen};
use crate::hammer::workload::{Case, ProcessAction, ProcessFault, Round, Scenario};

/// Pause between the last byte before the gates and their opening, in which the server reads what
/// it has.
const GATES_CLOSED: Duration = Duration::from_micros(400);

/// Runs planned cases against the service.
pub(crate) struct Runner {
    pub(crate) client: Client,
    /// The instances of the service, if the hammer started them.
    pub(crate) instances: Option<Instances>,
}

impl Runner {
    /// Runs one case to its end.
    pub(crate) async fn run(&self, case: &Case) {
        let mut pending = Vec::new();
        for round in &case.rounds {
            tokio::time::sleep(round.backoff).await;
            if round.after_faults {
                self.collect_evidence(&mut pending).await;
            }
            self.fire(case.scenario, round, false, &mut pending).await;
        }
        self.collect_evidence(&mut pending).await;
    }

    /// Fires one round: sends everything up to the gates, opens them, waits for the answers.
    /// Returns which of the attempts settled their keys.
    pub(super) async fn fire(
        &self,
        scenario: Scenario,
        round: &Round,
        drain: bool,
        pending: &mut Vec<Intercepted>,
    ) -> Vec<bool> {
        let during_process_fault = round.process_fault.is_some();
        let prepare = round.attempts.iter().map(|planned| {
            self.client
                .prepare(scenario, planned, during_process_fault, drain)
        });
        let mut prepared = join_all(prepare).await;
        pending.extend(prepared.iter_mut().filter_map(Prepared::take_proxy));
        if prepared.len() > 1 {
            tokio::time::sleep(GATES_CLOSED).await;
        }
        let in_flight = AtomicUsize::new(0);
        let open = Instant::now();
        let answers = join_all(
            prepared
                .into_iter()
                .map(|attempt| self.client.finish(attempt, open, &in_flight)),
        );
        // One poll releases all attempts without a turn of the event loop in between.
        let (settled, ()) = tokio::join!(
            tokio::task::unconstrained(answers),
            self.inject(scenario, round.process_fault, open, &in_flight)
        );
        settled
    }

    /// Injects a process fault in the middle of a round, and heals the instance.
    async fn inject(
        &self,
        scenario: Scenario,
        process_fault: Option<ProcessFault>,
        open: Instant,
        in_flight: &AtomicUsize,
    ) {
        let (Some(process_fault), Some(instances)) = (process_fault, &self.instances) else {
            return;
        };
        let pools = &self.client.pools;
        let victim = process_fault.instance % pools.len();
        sleep_until(open + Duration::from_micros(process_fault.after_us)).await;
        let caught = in_flight.load(Ordering::Relaxed);
        let injected = match process_fault.action {
            ProcessAction::Kill => instances.kill(victim).await,
            ProcessAction::Pause { .. } => instances.pause(victim).await,
        };
        let recorder = &self.client.recorder;
        let t = recorder.now();
        let healed = match process_fault.action {
            ProcessAction::Kill => {
                pools[victim].clear();
                instances.restart(victim).await
            }
            ProcessAction::Pause { hold_ms } => {
                tokio::time::sleep(Duration::from_millis(hold_ms)).await;
                instances.resume(victim).await
            }
        };
        let failure = injected.and(healed).err();
        let outcome = match &failure {
            None => String::new(),
            Some(error) => format!(", but it failed: {error}"),
        };
        recorder.record(Event::Fault(FaultSeen {
            t,
            kind: process_fault.action.kind(),
            scenario,
            attempt: None,
            landed: caught > 0 && failure.is_none(),
            evidence: format!("instance {victim} with {caught} requests in flight{outcome}"),
        }));
    }

    /// Waits for the proxies and records what they saw.
    async fn collect_evidence(&self, pending: &mut Vec<Intercepted>) {
        for proxy in pending.drain(..) {
            let seen = proxy.evidence(&self.client.recorder).await;
            self.client.recorder.record(Event::Fault(seen));
        }
    }
}
