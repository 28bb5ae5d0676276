//! Whether the sink is there: a circuit breaker.
//!
//! One event that fails concerns itself alone. Several in a row, with none published between, mean
//! that the sink is away: it is then tried with one event at a time, after a pause that grows.

use std::time::{Duration, Instant};

use super::error::{PublishError, Wish};
use super::pause;

/// Failures in a row after which the sink counts as away.
const FAILURES: u32 = 5;

/// What is known of a sink.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Failures since the last event that was published.
    failures: u32,
    pauses: u32,
    /// The end of the present pause. `None` while the sink is there.
    until: Option<Instant>,
}

impl Outage {
    /// How many events may be published at once, of `most`, while `in_flight` are.
    pub(super) fn allows(&self, now: Instant, most: usize, in_flight: usize) -> usize {
        match self.until {
            None => most.saturating_sub(in_flight),
            Some(until) if now < until => 0,
            // To find out whether it is over.
            Some(_) => usize::from(in_flight == 0),
        }
    }

    /// When the next event may be tried, during an outage.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// An event was published.
    pub(super) fn published(&mut self, sink: &str) {
        if self.until.is_some() {
            tracing::info!(sink, "events are published again");
        }
        *self = Self::default();
    }

    /// An event was not published.
    pub(super) fn failed(&mut self, now: Instant, error: &PublishError, sink: &str) {
        self.failures = self.failures.saturating_add(1);
        let wished = match error.wish {
            Wish::Pause(wished) => wished.min(pause::LONGEST_OUTAGE),
            Wish::Rest => pause::LONGEST_OUTAGE,
            Wish::None | Wish::End => Duration::ZERO,
        };
        if self.failures < FAILURES && wished.is_zero() {
            return;
        }
        match self.until {
            // Was on its way when the outage began.
            Some(until) if now < until => return,
            Some(_) => {}
            None => tracing::warn!(sink, %error, "events are not published, and kept"),
        }
        let pause = pause::of_outage(self.pauses).max(wished);
        self.pauses = self.pauses.saturating_add(1);
        self.until = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_the_circuit_and_one_success_closes_it() {
        let (now, error) = (Instant::now(), PublishError::new("no"));
        let mut outage = Outage::default();
        for _ in 1..FAILURES {
            outage.failed(now, &error, "x");
            assert_eq!(outage.allows(now, 16, 4), 12);
        }
        outage.failed(now, &error, "x");
        assert_eq!(outage.allows(now, 16, 0), 0);
        let until = outage.until().unwrap();
        assert_eq!(outage.allows(until, 16, 0), 1);
        assert_eq!(outage.allows(until, 16, 1), 0);
        outage.failed(until, &error, "x");
        assert!(outage.until().unwrap() > until);
        outage.published("x");
        assert_eq!(outage.allows(now, 16, 4), 12);
    }

    #[test]
    fn a_sink_that_asks_for_a_pause_gets_it_at_once() {
        let now = Instant::now();
        for (wish, least) in [
            (Wish::Pause(Duration::from_secs(7)), Duration::from_secs(7)),
            (Wish::Pause(Duration::MAX), pause::LONGEST_OUTAGE),
            (Wish::Rest, pause::LONGEST_OUTAGE),
        ] {
            let mut outage = Outage::default();
            outage.failed(now, &PublishError::new("no").wishing(wish), "x");
            assert_eq!(outage.until(), Some(now + least), "{wish:?}");
        }
    }
}
