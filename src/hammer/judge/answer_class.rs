//! Classes of answers, for latencies and drawings.

use hdrhistogram::Histogram;

/// What kind of answer an attempt got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerClass {
    Fresh,
    Replayed,
    Refused,
    /// No complete answer.
    Unknown,
}

impl AnswerClass {
    /// All classes, in the order of reports.
    pub(crate) const ALL: [Self; 4] = [Self::Fresh, Self::Replayed, Self::Refused, Self::Unknown];

    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Replayed => "replayed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// Latencies in microseconds by class of answer, from the last byte sent to the first byte
/// received.
#[derive(Debug, Clone)]
pub(crate) struct Latencies([Histogram<u64>; AnswerClass::ALL.len()]);

impl Default for Latencies {
    fn default() -> Self {
        Self(AnswerClass::ALL.map(|_| {
            Histogram::new_with_bounds(1, 120_000_000, 3)
                .expect("the bounds are constant and valid")
        }))
    }
}

impl Latencies {
    /// Records one latency.
    pub(super) fn record(&mut self, class: AnswerClass, micros: u64) {
        self.0[class as usize].saturating_record(micros);
    }

    /// The classes that have any latency.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (AnswerClass, &Histogram<u64>)> {
        AnswerClass::ALL
            .into_iter()
            .zip(&self.0)
            .filter(|(_, seen)| !seen.is_empty())
    }
}
