//! Records events from all tasks: in memory for the checker and, if wanted, in the file.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::archive::Archive;
use super::attempt::{Attempt, Outcome};
use super::cycle_history::CycleHistory;
use super::event::{Cycle, Event};

/// The history of a run in progress.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number of the next attempt.
    next: u64,
    history: CycleHistory,
    archive: Option<Archive>,
    /// The first failure to write. Nothing is written after it, because there would be a gap.
    write_error: Option<io::Error>,
}

impl Recorder {
    /// Starts an empty history that is also written to `archive`.
    pub(crate) fn new(archive: Option<Archive>) -> Self {
        Self {
            began: Instant::now(),
            state: Mutex::new(State {
                next: 1,
                history: CycleHistory::default(),
                archive,
                write_error: None,
            }),
        }
    }

    /// The current time of the run.
    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The time of the run at `moment`.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.began);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Assigns a number to the next attempt.
    pub(crate) fn number(&self) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        state.next - 1
    }

    /// Records one event.
    pub(crate) fn record(&self, event: Event) {
        let mut state = self.lock();
        state.write(&event);
        state.history.add(event);
    }

    /// Records an unknown outcome for every open attempt, because no task waits for it any more.
    pub(crate) fn abandon_open_attempts(&self) {
        let t = self.now();
        let open = self.lock().history.open_attempts();
        for n in open {
            self.record(Event::Unknown(Outcome {
                n,
                t,
                error: Some("the client gave up".to_owned()),
                ..Outcome::default()
            }));
        }
    }

    /// Ends the cycle and returns its events, which the recorder forgets.
    pub(crate) fn finish_cycle(&self, cycle: Cycle) -> CycleHistory {
        let event = Event::Cycle(cycle);
        let mut state = self.lock();
        state.write(&event);
        state.history.add(event);
        if let Some(archive) = &mut state.archive
            && let Err(error) = archive.end_cycle()
        {
            state.write_error.get_or_insert(error);
        }
        std::mem::take(&mut state.history)
    }

    /// Runs `look` on the finished attempts of the current cycle.
    pub(crate) fn with_attempts<T>(&self, look: impl FnOnce(&[Attempt]) -> T) -> T {
        look(&self.lock().history.attempts)
    }

    /// Takes the error that kept the file from being written completely, if there was one.
    pub(crate) fn take_write_error(&self) -> Option<io::Error> {
        self.lock().write_error.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not cost the history.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, event: &Event) {
        if self.write_error.is_none()
            && let Some(archive) = &mut self.archive
            && let Err(error) = archive.write(event)
        {
            self.write_error = Some(error);
        }
    }
}
