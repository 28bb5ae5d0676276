//! Counts and latencies of a measurement.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// What was measured, in microseconds.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// From the moment the request was sent.
    pub(super) raw: Histogram<u64>,
    /// From the moment it was planned to be sent: a stall counts for all whom it kept waiting.
    pub(super) corrected: Histogram<u64>,
    /// How late the generator itself was.
    pub(super) lag: Histogram<u64>,
    pub(super) created: u64,
    pub(super) replayed: u64,
    pub(super) refused: u64,
    pub(super) broken: u64,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that make sense");
        Self {
            raw: histogram(),
            corrected: histogram(),
            lag: histogram(),
            created: 0,
            replayed: 0,
            refused: 0,
            broken: 0,
        }
    }
}

impl Tally {
    /// Adds another one.
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.raw, &other.raw),
            (&mut self.corrected, &other.corrected),
            (&mut self.lag, &other.lag),
        ];
        for (mine, theirs) in pairs {
            mine.add(theirs).expect("histograms with the same bounds");
        }
        self.created += other.created;
        self.replayed += other.replayed;
        self.refused += other.refused;
        self.broken += other.broken;
    }

    /// Orders that were answered with their order.
    pub(super) fn answered(&self) -> u64 {
        self.created + self.replayed
    }

    /// Records one request that has just ended.
    pub(super) fn record(&mut self, planned: Instant, sent: Instant, status: Option<u16>) {
        let done = Instant::now();
        let micros = |from: Instant, to: Instant| {
            let time = to.saturating_duration_since(from).as_micros();
            u64::try_from(time).unwrap_or(u64::MAX).max(1)
        };
        self.raw.saturating_record(micros(sent, done));
        self.corrected.saturating_record(micros(planned, done));
        self.lag.saturating_record(micros(planned, sent));
        match status {
            Some(201) => self.created += 1,
            Some(200) => self.replayed += 1,
            Some(_) => self.refused += 1,
            None => self.broken += 1,
        }
    }
}

/// Events in a second.
#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
pub(super) fn per_second(count: u64, duration: Duration) -> f64 {
    count as f64 / duration.as_secs_f64()
}
