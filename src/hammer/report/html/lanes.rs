//! The timeline of one key: a lane for each attempt, with its fault and its answer.

use super::markup::{Markup, put};
use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::{AnswerClass, Counterexample, Judgement};
use crate::hammer::report::rows;
use crate::hammer::report::text::{ending, millis};
use crate::hammer::words::counted;
use crate::hammer::workload::{Fault, Variant};

/// The class of an attempt whose last byte was never sent.
pub(super) const NOT_SENT: &str = "not-sent";

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

    /// The first of its moments.
    fn start(&self) -> u64 {
        self.knots.first().map_or(0, |(moment, _)| *moment)
    }

    /// The position of one of its moments, in percent.
    fn x(&self, moment: u64) -> f64 {
        let total = self.knots.last().map_or(1.0, |(_, busy)| busy.max(0.001));
        let at = self.knots.partition_point(|(knot, _)| *knot < moment);
        let busy = self.knots.get(at).map_or(total, |(_, busy)| *busy);
        100.0 * busy / total
    }
}

/// When the last byte of an attempt was sent, and when it ended.
fn span(attempt: &Attempt) -> (u64, u64) {
    let from = attempt.outcome.released.unwrap_or(attempt.invoked.t);
    let to = attempt.outcome.t;
    (from, if to == u64::MAX { from } else { to })
}

/// Draws the timeline: every different answer first, the other attempts where they can be unfolded.
pub(super) fn draw(page: &mut Markup, judgement: &Judgement, example: &Counterexample) {
    let moments = example
        .attempts
        .iter()
        .flat_map(|attempt| <[u64; 2]>::from(span(attempt)));
    let axis = Axis::new(moments.collect());
    let arranged = rows::rows(example);
    page.raw("<div class=\"lanes\">");
    page.raw("<div class=\"lane head\"><span>attempt → instance</span>");
    page.raw("<span>from sent to answered, idle time left out</span>");
    page.raw("<span>sent after the first, answer</span></div>");
    for row in &arranged.shown {
        lane(page, judgement, row.attempt, &axis, row.alike().as_deref());
    }
    page.raw("</div>");
    let alike = arranged.shown.iter().flat_map(|row| &row.alike);
    let mut others: Vec<&Attempt> = alike.chain(&arranged.hidden).copied().collect();
    if others.is_empty() {
        return;
    }
    others.sort_by_key(|attempt| attempt.invoked.n);
    put!(
        page,
        "<details><summary>{}: the same answers as above, or none</summary>",
        counted(others.len() as u64, "more attempt", "more attempts")
    );
    page.raw("<div class=\"lanes\">");
    for attempt in others {
        lane(page, judgement, attempt, &axis, None);
    }
    page.raw("</div></details>");
}

fn lane(
    page: &mut Markup,
    judgement: &Judgement,
    attempt: &Attempt,
    axis: &Axis,
    alike: Option<&str>,
) {
    let (from, to) = span(attempt);
    let (x, end) = (axis.x(from), axis.x(to));
    let invoked = &attempt.invoked;
    let is_faulty = invoked.fault != Fault::None || invoked.during_process_fault;
    put!(
        page,
        "<div class=\"{}\"><b>#{} → {}{}</b>",
        if is_faulty { "lane faulty" } else { "lane" },
        invoked.n,
        invoked.instance,
        match invoked.variant {
            Variant::First => "",
            Variant::OtherQuantity | Variant::OtherItem => " · other payload",
        }
    );
    put!(
        page,
        "<div class=\"track\"><i class=\"answer-{}\" style=\"left:{:.2}%;width:{:.2}%\"></i></div>",
        class(judgement, attempt),
        x,
        end - x
    );
    put!(
        page,
        "<span>+{:.2} ms {}</span>",
        millis(from.saturating_sub(axis.start())),
        ending(attempt)
    );
    if let Some(alike) = alike {
        put!(page, "<small>{}</small>", alike);
    }
    page.raw("</div>");
}

fn class(judgement: &Judgement, attempt: &Attempt) -> &'static str {
    let is_fresh = attempt.accepted().map(|answer| judgement.is_fresh(answer));
    match (attempt.completion, is_fresh) {
        (Completion::Ok, Some(true)) => AnswerClass::Fresh.name(),
        (Completion::Ok, _) => AnswerClass::Replayed.name(),
        (Completion::Fail, _) if attempt.answer().is_none() => NOT_SENT,
        (Completion::Fail, _) => AnswerClass::Refused.name(),
        (Completion::Unknown, _) => AnswerClass::Unknown.name(),
    }
}
