//! The timeline of one key: a lane for each attempt, the fault on it, what came back.

use std::fmt::Write;

use super::markup::escape;
use super::timeline::{ending, millis};
use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::Counterexample;
use crate::hammer::workload::Fault;

/// This many attempts are drawn.
const LANES: usize = 24;
const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 20.0;
/// Where the lanes begin, and where the words after them do.
const FROM: f64 = 150.0;
const TO: f64 = 560.0;

/// Time without its idle stretches: a retry comes seconds after a race of microseconds.
struct Axis {
    /// Moments, and how much busy time there is before each of them, in milliseconds.
    knots: Vec<(u64, f64)>,
}

impl Axis {
    fn new(mut moments: Vec<u64>) -> Self {
        const IDLE: f64 = 4.0;
        moments.sort_unstable();
        moments.dedup();
        let mut knots: Vec<(u64, f64)> = Vec::new();
        for moment in moments {
            let busy = knots
                .last()
                .map_or(0.0, |(last, busy)| busy + millis(moment - last).min(IDLE));
            knots.push((moment, busy));
        }
        Self { knots }
    }

    /// The place of one of its own moments.
    fn x(&self, moment: u64) -> f64 {
        let whole = self.knots.last().map_or(1.0, |(_, busy)| busy.max(0.001));
        let at = self.knots.partition_point(|(knot, _)| *knot < moment);
        let busy = self.knots.get(at).map_or(whole, |(_, busy)| *busy);
        FROM + (TO - FROM) * busy / whole
    }
}

fn ends(attempt: &Attempt) -> (u64, u64) {
    let from = attempt.outcome.released.unwrap_or(attempt.invoked.t);
    let to = attempt.outcome.t;
    (from, if to == u64::MAX { from } else { to })
}

/// The drawing.
pub(super) fn draw(counterexample: &Counterexample) -> String {
    let attempts: Vec<&Attempt> = counterexample.attempts.iter().take(LANES).collect();
    let axis = Axis::new(
        attempts
            .iter()
            .flat_map(|one| <[u64; 2]>::from(ends(one)))
            .collect(),
    );
    let start = axis.knots.first().map_or(0, |(moment, _)| *moment);
    let height = HEIGHT * f64::from(u32::try_from(attempts.len()).unwrap_or(0)) + 8.0;
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#);
    let mut y = 4.0;
    for attempt in attempts {
        lane(&mut svg, attempt, &axis, start, y).expect("a String takes everything");
        y += HEIGHT;
    }
    svg + "</svg>"
}

fn lane(svg: &mut String, attempt: &Attempt, axis: &Axis, start: u64, y: f64) -> std::fmt::Result {
    let (from, to) = ends(attempt);
    let (x, end) = (axis.x(from), axis.x(to));
    let class = match (
        attempt.completion,
        attempt.accepted().map(|answer| answer.replayed),
    ) {
        (Completion::Ok, Some(false)) => 0,
        (Completion::Ok, _) => 1,
        (Completion::Fail, _) => 2,
        (Completion::Unknown, _) => 3,
    };
    let text = y + 13.0;
    let asked = &attempt.invoked;
    if asked.fault != Fault::None || asked.during_process_fault {
        let width = TO - FROM;
        write!(
            svg,
            r#"<rect class="band" x="{FROM}" y="{y:.1}" width="{width}" height="{HEIGHT}"/>"#
        )?;
    }
    write!(
        svg,
        r#"<text class="lane" x="0" y="{text:.1}">#{} → {} {}</text><rect class="span c{class}" x="{x:.1}" y="{:.1}" width="{:.1}" height="{}"/>"#,
        asked.n,
        asked.instance,
        if asked.payload == 0 { "" } else { "· other" },
        y + 4.0,
        (end - x).max(3.0),
        HEIGHT - 8.0
    )?;
    let words: String = ending(attempt).chars().take(96).collect();
    let after = millis(from.saturating_sub(start));
    write!(
        svg,
        r#"<text x="{:.0}" y="{text:.1}">+{after:.2} ms  {}</text>"#,
        TO + 12.0,
        escape(&words)
    )
}
