//! The timeline of one key as SVG: a lane for each attempt, with its fault and its answer.

use super::markup::{Markup, put};
use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::{AnswerClass, Counterexample};
use crate::hammer::report::text::{ending, millis};
use crate::hammer::workload::{Fault, Variant};

/// Maximum number of attempts drawn.
const MAX_LANES: usize = 24;
/// Maximum number of characters of an answer.
const MAX_TEXT: usize = 96;
const WIDTH: f64 = 1080.0;
const LANE_HEIGHT: f64 = 20.0;
/// Where the lanes begin and end; the text follows.
const FROM: f64 = 150.0;
const TO: f64 = 560.0;

/// A time axis without idle stretches, because a retry comes seconds after a race of microseconds.
struct Axis {
    /// Moments, and the busy milliseconds before each of them.
    knots: Vec<(u64, f64)>,
}

impl Axis {
    fn new(mut moments: Vec<u64>) -> Self {
        const MAX_IDLE_MS: f64 = 4.0;
        moments.sort_unstable();
        moments.dedup();
        let mut knots: Vec<(u64, f64)> = Vec::new();
        for moment in moments {
            let busy = knots.last().map_or(0.0, |(last, busy)| {
                busy + millis(moment - last).min(MAX_IDLE_MS)
            });
            knots.push((moment, busy));
        }
        Self { knots }
    }

    /// The position of one of its moments.
    fn x(&self, moment: u64) -> f64 {
        let total = self.knots.last().map_or(1.0, |(_, busy)| busy.max(0.001));
        let at = self.knots.partition_point(|(knot, _)| *knot < moment);
        let busy = self.knots.get(at).map_or(total, |(_, busy)| *busy);
        FROM + (TO - FROM) * busy / total
    }
}

/// When the last byte of an attempt was sent, and when it ended.
fn span(attempt: &Attempt) -> (u64, u64) {
    let from = attempt.outcome.released.unwrap_or(attempt.invoked.t);
    let to = attempt.outcome.t;
    (from, if to == u64::MAX { from } else { to })
}

/// Draws the timeline.
pub(super) fn draw(example: &Counterexample) -> Markup {
    let attempts: Vec<&Attempt> = example.attempts.iter().take(MAX_LANES).collect();
    let moments = attempts
        .iter()
        .flat_map(|attempt| <[u64; 2]>::from(span(attempt)));
    let axis = Axis::new(moments.collect());
    let start = axis.knots.first().map_or(0, |(moment, _)| *moment);
    let lanes = f64::from(u32::try_from(attempts.len()).unwrap_or(0));
    let mut svg = Markup::default();
    put!(
        svg,
        r#"<svg viewBox="0 0 {} {}" role="img">"#,
        WIDTH,
        LANE_HEIGHT * lanes + 8.0
    );
    let mut y = 4.0;
    for attempt in attempts {
        lane(&mut svg, attempt, &axis, start, y);
        y += LANE_HEIGHT;
    }
    svg.raw("</svg>");
    svg
}

fn lane(svg: &mut Markup, attempt: &Attempt, axis: &Axis, start: u64, y: f64) {
    let (from, to) = span(attempt);
    let (x, end) = (axis.x(from), axis.x(to));
    let invoked = &attempt.invoked;
    if invoked.fault != Fault::None || invoked.during_process_fault {
        put!(
            svg,
            r#"<rect class="band" x="{}" y="{:.1}" width="{}" height="{}"/>"#,
            FROM,
            y,
            TO - FROM,
            LANE_HEIGHT
        );
    }
    put!(
        svg,
        r#"<text class="lane" x="0" y="{:.1}">#{} → {} {}</text>"#,
        y + 13.0,
        invoked.n,
        invoked.instance,
        match invoked.variant {
            Variant::First => "",
            Variant::OtherQuantity | Variant::OtherItem => "· other payload",
        }
    );
    put!(
        svg,
        r#"<rect class="span answer-{}" x="{:.1}" y="{:.1}" width="{:.1}" height="{}"/>"#,
        class(attempt).name(),
        x,
        y + 4.0,
        (end - x).max(3.0),
        LANE_HEIGHT - 8.0
    );
    let text: String = ending(attempt).chars().take(MAX_TEXT).collect();
    put!(
        svg,
        r#"<text x="{:.0}" y="{:.1}">+{:.2} ms  {}</text>"#,
        TO + 12.0,
        y + 13.0,
        millis(from.saturating_sub(start)),
        text
    );
}

fn class(attempt: &Attempt) -> AnswerClass {
    let is_marked = attempt.accepted().map(|answer| answer.replayed);
    match (attempt.completion, is_marked) {
        (Completion::Ok, Some(false)) => AnswerClass::Fresh,
        (Completion::Ok, _) => AnswerClass::Replayed,
        (Completion::Fail, _) => AnswerClass::Refused,
        (Completion::Unknown, _) => AnswerClass::Unknown,
    }
}
