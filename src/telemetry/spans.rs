//! Spans of traces, and the queue in front of their exporter.

use std::borrow::Cow;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::metrics;
use super::words::SpanFate;

/// The most spans that wait for their export. One more is dropped.
const QUEUE_MAX: usize = 4096;

/// What took how long, as part of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace.
    pub trace: u128,
    /// The span in it.
    pub id: u64,
    /// The span that this one is part of.
    pub parent: Option<Parent>,
    /// What took so long.
    pub name: Cow<'static, str>,
    /// Whether it answers a request from outside.
    pub is_server: bool,
    /// Its beginning.
    pub began: SystemTime,
    /// Its end.
    pub ended: SystemTime,
    /// What else is known of it. Never a key, a body or a token.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether the service failed.
    pub has_failed: bool,
}

/// The span that another one is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its id.
    pub id: u64,
    /// Whether it belongs to the client.
    pub is_remote: bool,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A whole number.
    Number(i64),
}

/// Takes the spans of sampled traces to their exporter. Never waits.
#[derive(Debug, Clone)]
pub struct Spans {
    queue: mpsc::Sender<Span>,
    /// Of the traces that begin here, the share that is sampled, in 2⁻⁶⁴.
    sampled: u64,
}

impl Spans {
    /// A queue, and its end for an exporter. Of the traces that begin here `ratio` (0 to 1) is
    /// sampled; of the others the caller has decided.
    #[must_use]
    pub fn queue(ratio: f64) -> (Self, mpsc::Receiver<Span>) {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "the cast saturates"
        )]
        let sampled = (ratio * u64::MAX as f64) as u64;
        (Self { queue, sampled }, waiting)
    }

    /// Whether a trace that begins here is sampled. All services that go by the id agree.
    #[must_use]
    pub fn samples(&self, trace: u128) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the random half of an id, as OpenTelemetry takes it"
        )]
        let random = trace as u64;
        self.sampled > 0 && random <= self.sampled
    }

    /// Queues a span, or drops it if the queue is full.
    pub fn end(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            metrics().spans(SpanFate::Dropped, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::{QUEUE_MAX, Span, Spans};
    use crate::telemetry::metrics;

    #[test]
    fn a_full_queue_drops_spans_and_waits_for_nobody() {
        let (spans, mut waiting) = Spans::queue(1.0);
        let span = Span {
            trace: 1,
            id: 2,
            parent: None,
            name: "span".into(),
            is_server: true,
            began: SystemTime::UNIX_EPOCH,
            ended: SystemTime::UNIX_EPOCH,
            attributes: Vec::new(),
            has_failed: false,
        };
        for _ in 0..QUEUE_MAX + 3 {
            spans.end(span.clone());
        }
        let page = metrics().page();
        let dropped = "orders_spans_total{result=\"dropped\"} 3\n";
        assert!(page.contains(dropped), "{page}");
        let mut count = 0;
        while waiting.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, QUEUE_MAX);
    }

    #[test]
    fn the_ratio_of_traces_is_sampled() {
        for ratio in [0.0, 0.25, 1.0] {
            let (spans, _waiting) = Spans::queue(ratio);
            let traces = (0..10_000).map(|_| fastrand::u128(..));
            let sampled = traces.filter(|trace| spans.samples(*trace)).count();
            let share = f64::from(u32::try_from(sampled).unwrap()) / 10_000.0;
            assert!((share - ratio).abs() < 0.05, "{share} instead of {ratio}");
        }
    }
}
