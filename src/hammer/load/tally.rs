//! Counts and latencies of a measurement.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Created,
    Replayed,
    Refused,
}

/// What was measured. Latencies are in microseconds.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Latency from when the request was sent.
    pub(super) from_send: Histogram<u64>,
    /// Latency from when the request was planned, so that a stall counts for every request that it
    /// delayed.
    pub(super) from_plan: Histogram<u64>,
    /// How late the generator itself sent.
    pub(super) lag: Histogram<u64>,
    pub(super) created: u64,
    pub(super) replayed: u64,
    pub(super) refused: u64,
    pub(super) unanswered: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram = || {
            Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are constant and valid")
        };
        Self {
            from_send: histogram(),
            from_plan: histogram(),
            lag: histogram(),
            created: 0,
            replayed: 0,
            refused: 0,
            unanswered: 0,
        }
    }
}

impl Tally {
    /// Adds another tally.
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.from_send, &other.from_send),
            (&mut self.from_plan, &other.from_plan),
            (&mut self.lag, &other.lag),
        ];
        for (total, part) in pairs {
            total.add(part).expect("histograms with the same bounds");
        }
        self.created += other.created;
        self.replayed += other.replayed;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
    }

    /// The number of requests answered with an order.
    pub(super) fn answered(&self) -> u64 {
        self.created + self.replayed
    }

    /// Records one request that has just ended, and its answer if there was one.
    pub(super) fn record(&mut self, planned: Instant, sent: Instant, answer: Option<Answered>) {
        let done = Instant::now();
        let micros = |from: Instant, to: Instant| {
            let time = to.saturating_duration_since(from).as_micros();
            u64::try_from(time).unwrap_or(u64::MAX).max(1)
        };
        self.from_send.saturating_record(micros(sent, done));
        self.from_plan.saturating_record(micros(planned, done));
        self.lag.saturating_record(micros(planned, sent));
        match answer {
            Some(Answered::Created) => self.created += 1,
            Some(Answered::Replayed) => self.replayed += 1,
            Some(Answered::Refused) => self.refused += 1,
            None => self.unanswered += 1,
        }
    }
}

/// Events per second.
#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
pub(super) fn per_second(count: u64, duration: Duration) -> f64 {
    count as f64 / duration.as_secs_f64()
}
