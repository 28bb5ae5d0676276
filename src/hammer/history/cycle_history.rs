//! The events of one cycle, with attempts paired with their outcomes.

use std::collections::HashMap;

use super::attempt::{Attempt, Completion, Invoked, Outcome};
use super::event::{Cycle, Event, FaultSeen, OracleRead, StoredOrder};

/// The events since the previous cycle ended: the unit that the checker judges.
#[derive(Debug, Default)]
pub(crate) struct CycleHistory {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) faults: Vec<FaultSeen>,
    pub(crate) reads: Vec<OracleRead>,
    pub(crate) stored: Vec<StoredOrder>,
    /// How the cycle ended, once it has.
    pub(crate) cycle: Option<Cycle>,
    /// Attempts without an outcome yet, by number.
    open: HashMap<u64, Invoked>,
}

impl CycleHistory {
    /// Adds one event.
    pub(crate) fn add(&mut self, event: Event) {
        match event {
            Event::Run(_) => {}
            Event::Invoke(invoked) => {
                self.open.insert(invoked.n, invoked);
            }
            Event::Ok(outcome) => self.close(outcome, Completion::Ok),
            Event::Fail(outcome) => self.close(outcome, Completion::Fail),
            Event::Unknown(outcome) => self.close(outcome, Completion::Unknown),
            Event::Fault(fault) => self.faults.push(fault),
            Event::Oracle(read) => self.reads.push(read),
            Event::Stored(order) => self.stored.push(order),
            Event::Cycle(cycle) => {
                let open = std::mem::take(&mut self.open);
                self.attempts
                    .extend(open.into_values().map(without_outcome));
                self.attempts.sort_by_key(|attempt| attempt.invoked.n);
                self.cycle = Some(cycle);
            }
        }
    }

    /// The numbers of the attempts without an outcome, in ascending order.
    pub(super) fn open_attempts(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.open.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    fn close(&mut self, outcome: Outcome, completion: Completion) {
        if let Some(invoked) = self.open.remove(&outcome.n) {
            self.attempts.push(Attempt {
                invoked,
                outcome,
                completion,
            });
        }
    }
}

/// An attempt that was still open when the run ended.
fn without_outcome(invoked: Invoked) -> Attempt {
    let outcome = Outcome {
        n: invoked.n,
        t: u64::MAX,
        error: Some("the run ended first".to_owned()),
        ..Outcome::default()
    };
    Attempt {
        invoked,
        outcome,
        completion: Completion::Unknown,
    }
}
