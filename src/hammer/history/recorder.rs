//! Takes events from everywhere at once: into memory for the checker, into the file for later.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use super::{
    Attempt, Completion, Cycle, Event, FaultSeen, Invoked, OracleRead, Order, Outcome, Writer,
};

/// The history while it is made.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    next: u64,
    history: CycleHistory,
    writer: Option<Writer>,
    /// The first failure to write; later events would leave a gap.
    broken: Option<std::io::Error>,
}

/// The events since the last cycle ended: what the checker judges at a time.
#[derive(Debug, Default)]
pub(crate) struct CycleHistory {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) faults: Vec<FaultSeen>,
    pub(crate) reads: Vec<OracleRead>,
    pub(crate) stored: Vec<Order>,
    pub(crate) cycle: Option<Cycle>,
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
                let mut open: Vec<Invoked> = self.open.drain().map(|(_, one)| one).collect();
                open.sort_by_key(|invoked| invoked.n);
                for invoked in open {
                    self.attempts.push(unended(invoked));
                }
                self.attempts.sort_by_key(|attempt| attempt.invoked.n);
                self.cycle = Some(cycle);
            }
        }
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

/// An attempt that the end of the run cut off.
fn unended(invoked: Invoked) -> Attempt {
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

impl Recorder {
    /// An empty history, written to `writer` too.
    pub(crate) fn new(writer: Option<Writer>) -> Self {
        Self {
            began: Instant::now(),
            inner: Mutex::new(Inner {
                next: 1,
                history: CycleHistory::default(),
                writer,
                broken: None,
            }),
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// A moment of this run.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// The number for the next attempt.
    pub(crate) fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        inner.next - 1
    }

    /// Records one event.
    pub(crate) fn record(&self, event: Event) {
        let mut inner = self.lock();
        inner.write(&event);
        inner.history.add(event);
    }

    /// Ends every attempt that is still open: nobody waits for its answer any more.
    pub(crate) fn give_up(&self) {
        let t = self.now();
        let mut open: Vec<u64> = self.lock().history.open.keys().copied().collect();
        open.sort_unstable();
        for n in open {
            self.record(Event::Unknown(Outcome {
                n,
                t,
                error: Some("the client gave up".to_owned()),
                ..Outcome::default()
            }));
        }
    }

    /// Ends the cycle: hands its events over and forgets them.
    pub(crate) fn finish_cycle(&self, cycle: Cycle) -> CycleHistory {
        let event = Event::Cycle(cycle);
        let mut inner = self.lock();
        inner.write(&event);
        inner.history.add(event);
        if let Some(writer) = &mut inner.writer
            && let Err(error) = writer.flush()
        {
            inner.broken.get_or_insert(error);
        }
        std::mem::take(&mut inner.history)
    }

    /// Looks at the attempts of the cycle so far.
    pub(crate) fn with_attempts<T>(&self, look: impl FnOnce(&[Attempt]) -> T) -> T {
        look(&self.lock().history.attempts)
    }

    /// What kept the file from being written, if anything did.
    pub(crate) fn take_write_error(&self) -> Option<std::io::Error> {
        self.lock().broken.take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic elsewhere must not cost the history.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, event: &Event) {
        if self.broken.is_none()
            && let Some(writer) = &mut self.writer
            && let Err(error) = writer.write(event)
        {
            self.broken = Some(error);
        }
    }
}
