//! The report as text for a terminal: the verdict first, then the evidence.

use std::fmt::{Arguments, Write};

use hdrhistogram::Histogram;

use super::Report;
use super::text::{INSECURE, clean, left_behind, not_in_history, violation_bound};
use super::timeline;
use crate::hammer::judge::{Judgement, Verdict, invariants};
use crate::hammer::words::counted;

/// Maximum number of violations shown; the other reports have more.
const MAX_VIOLATIONS: usize = 5;
/// A run with fewer keys has no coverage worth showing.
const MIN_KEYS: u64 = 10;

/// Colours, if the output is a terminal.
struct Paint(bool);

impl Paint {
    fn bold_green(&self, text: &str) -> String {
        self.escape("1;32", text)
    }

    fn bold_red(&self, text: &str) -> String {
        self.escape("1;31", text)
    }

    fn red(&self, text: &str) -> String {
        self.escape("31", text)
    }

    fn bold_yellow(&self, text: &str) -> String {
        self.escape("1;33", text)
    }

    fn yellow(&self, text: &str) -> String {
        self.escape("33", text)
    }

    fn escape(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Renders the report.
pub(super) fn render(report: &Report, color: bool) -> String {
    let judgement = &report.judgement;
    let paint = Paint(color);
    let mut text = String::new();
    let out = &mut text;
    headline(out, judgement, &paint);
    violations(out, judgement, &paint);
    counterexample(out, judgement);
    inconclusive_reasons(out, judgement, &paint);
    coverage(out, judgement, &paint);
    deviations(out, judgement);
    line(out, format_args!(""));
    for note in [left_behind(report), not_in_history(report)]
        .into_iter()
        .flatten()
    {
        line(out, format_args!("{note}"));
    }
    line(
        out,
        format_args!(
            "seed {}   repeat with: {}",
            judgement.header.seed,
            clean(&judgement.header.repeat)
        ),
    );
    text
}

fn line(out: &mut String, words: Arguments<'_>) {
    writeln!(out, "{words}").expect("writing to a String cannot fail");
}

fn headline(out: &mut String, judgement: &Judgement, paint: &Paint) {
    let verdict = match judgement.verdict() {
        Verdict::Held => paint.bold_green("HELD"),
        Verdict::Violated => paint.bold_red("VIOLATED"),
        Verdict::Unknown => paint.bold_yellow("UNKNOWN"),
    };
    line(
        out,
        format_args!(
            "{verdict}   {}, {}, {} whose duplicates overlapped",
            counted(judgement.requests, "request", "requests"),
            counted(judgement.keys, "key", "keys"),
            counted(judgement.contended, "key", "keys")
        ),
    );
    if judgement.verdict() == Verdict::Held {
        line(out, format_args!("        {}", violation_bound(judgement)));
    }
    if judgement.header.insecure {
        line(out, format_args!("        {INSECURE}"));
    }
    if let Some(limit) = judgement.limit() {
        line(out, format_args!("        {limit}"));
    }
    let latency = latency(judgement);
    if !latency.is_empty() {
        line(out, format_args!("        {latency}"));
    }
}

/// The latency of each class of answers, in one line.
fn latency(judgement: &Judgement) -> String {
    let millis = |seen: &Histogram<u64>, at| {
        let micros = u32::try_from(seen.value_at_quantile(at)).unwrap_or(u32::MAX);
        f64::from(micros) / 1000.0
    };
    let classes: Vec<String> = judgement
        .latencies
        .iter()
        .map(|(class, seen)| {
            format!(
                "{} p50 {:.1} ms, p99 {:.1} ms",
                class.name(),
                millis(seen, 0.5),
                millis(seen, 0.99)
            )
        })
        .collect();
    classes.join(" · ")
}

fn violations(out: &mut String, judgement: &Judgement, paint: &Paint) {
    if judgement.violated == 0 {
        return;
    }
    let violations = counted(judgement.violated, "violation", "violations");
    line(out, format_args!("\n{violations}"));
    for invariant in invariants() {
        let cells = judgement
            .grid
            .iter()
            .filter(|((name, _), _)| *name == invariant.name);
        let (mut violated, mut scopes) = (0, Vec::new());
        for ((_, scope), counts) in cells.filter(|(_, counts)| counts.violated > 0) {
            violated += counts.violated;
            scopes.push(scope.name());
        }
        if violated > 0 {
            let name = paint.red(&format!("{:<30}", invariant.name));
            line(
                out,
                format_args!(
                    "  {name} {violated:>6} {}   {}   ({})",
                    if violated == 1 { "key " } else { "keys" },
                    invariant.meaning,
                    scopes.join(", ")
                ),
            );
        }
    }
    for violation in judgement.violations.iter().take(MAX_VIOLATIONS) {
        line(
            out,
            format_args!(
                "\n  {} · {}\n    {}",
                violation.invariant,
                clean(&violation.key),
                clean(&violation.seen)
            ),
        );
    }
}

/// The timeline of the first violating key.
fn counterexample(out: &mut String, judgement: &Judgement) {
    let Some(example) = judgement.counterexamples.first() else {
        return;
    };
    line(out, format_args!("\n  timeline of {}", clean(&example.key)));
    for row in timeline::rows(example) {
        line(out, format_args!("    {row}"));
    }
    for command in timeline::curl(example, &judgement.header) {
        line(out, format_args!("    {command}"));
    }
}

fn inconclusive_reasons(out: &mut String, judgement: &Judgement, paint: &Paint) {
    for reason in judgement.all_inconclusive_reasons() {
        line(
            out,
            format_args!("  {} {}", paint.yellow("?"), clean(&reason)),
        );
    }
}

fn coverage(out: &mut String, judgement: &Judgement, paint: &Paint) {
    if judgement.keys < MIN_KEYS {
        return;
    }
    line(out, format_args!("\ncoverage"));
    for (row, count) in judgement.coverage.rows(&judgement.header) {
        let shown = format!("{count:>8}");
        let shown = if count == 0 {
            paint.yellow(&shown)
        } else {
            shown
        };
        line(out, format_args!("  {shown}  {}", row.label()));
    }
}

fn deviations(out: &mut String, judgement: &Judgement) {
    let of_dialect = judgement.dialect_deviations();
    if of_dialect.is_empty() && judgement.deviations.is_empty() {
        return;
    }
    line(
        out,
        format_args!("\ndeviations from the contract (--strict makes these violations)"),
    );
    for deviation in of_dialect {
        line(out, format_args!("  {}", clean(&deviation)));
    }
    for deviation in &judgement.deviations {
        line(
            out,
            format_args!(
                "  {} · {}: {}",
                deviation.invariant,
                clean(&deviation.key),
                clean(&deviation.seen)
            ),
        );
    }
}
