//! The report as text: the verdict first, then why.

use std::fmt::Write;

use super::json::CLASSES;
use super::timeline;
use crate::hammer::judge::{Judgement, Verdict, invariants};

/// This many violations are shown; the reports have more.
const SHOWN: usize = 5;

/// Escape sequences, or nothing.
struct Paint(bool);

impl Paint {
    fn on(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// The whole report.
pub(super) fn render(judgement: &Judgement, color: bool) -> String {
    let paint = Paint(color);
    let mut text = String::new();
    let out = &mut text;
    headline(out, judgement, &paint);
    violations(out, judgement, &paint);
    inconclusive_reasons(out, judgement, &paint);
    coverage(out, judgement, &paint);
    notes(out, judgement);
    line(
        out,
        format_args!(
            "\nseed {}   again: {}",
            judgement.header.seed, judgement.header.repeat
        ),
    );
    text
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(out, "{words}").expect("a String takes everything");
}

fn headline(out: &mut String, judgement: &Judgement, paint: &Paint) {
    let verdict = match judgement.verdict() {
        Verdict::Held => paint.on("1;32", "HELD"),
        Verdict::Violated => paint.on("1;31", "VIOLATED"),
        Verdict::Unknown => paint.on("1;33", "UNKNOWN"),
    };
    line(
        out,
        format_args!(
            "{verdict}   {} requests for {} keys, of which {} met their duplicates",
            judgement.requests, judgement.keys, judgement.contended
        ),
    );
    if judgement.verdict() == Verdict::Held {
        line(
            out,
            format_args!(
                "        no violation in {} contended keys: fewer than 1 in {} at 95 % confidence",
                judgement.contended,
                judgement.contended / 3
            ),
        );
    }
    line(out, format_args!("        {}", headline_latency(judgement)));
}

fn violations(out: &mut String, judgement: &Judgement, paint: &Paint) {
    if judgement.violated == 0 {
        return;
    }
    line(out, format_args!("\n{} violations", judgement.violated));
    for invariant in invariants() {
        let cells = judgement
            .grid
            .iter()
            .filter(|((name, _), _)| *name == invariant.name);
        let (mut broken, mut scenarios) = (0, Vec::new());
        for ((_, scenario), cell) in cells.filter(|(_, cell)| cell.broken > 0) {
            broken += cell.broken;
            scenarios.push(scenario.as_str());
        }
        if broken > 0 {
            let name = paint.on("31", &format!("{:<30}", invariant.name));
            line(
                out,
                format_args!(
                    "  {name} {broken:>6} keys   {}   ({})",
                    invariant.meaning,
                    scenarios.join(", ")
                ),
            );
        }
    }
    for violation in judgement.violations.iter().take(SHOWN) {
        line(
            out,
            format_args!(
                "\n  {} · {}\n    {}",
                violation.invariant, violation.key, violation.seen
            ),
        );
    }
    if let Some(counterexample) = judgement.counterexamples.first() {
        line(
            out,
            format_args!("\n  what happened to {}", counterexample.key),
        );
        for row in timeline::rows(counterexample) {
            line(out, format_args!("    {row}"));
        }
        for command in timeline::curl(counterexample, &judgement.header) {
            line(out, format_args!("    {command}"));
        }
    }
}

fn inconclusive_reasons(out: &mut String, judgement: &Judgement, paint: &Paint) {
    if judgement.verdict() == Verdict::Held {
        return;
    }
    for reason in judgement.all_inconclusive_reasons() {
        line(out, format_args!("  {} {reason}", paint.on("33", "?")));
    }
}

fn coverage(out: &mut String, judgement: &Judgement, paint: &Paint) {
    let rows = judgement.coverage.rows(&judgement.header);
    if judgement.keys < 10 {
        return;
    }
    line(out, format_args!("\nseen"));
    for (row, count) in rows {
        let count = format!("{count:>8}");
        let count = if count.trim() == "0" {
            paint.on("33", &count)
        } else {
            count
        };
        line(out, format_args!("  {count}  {row}"));
    }
}

fn notes(out: &mut String, judgement: &Judgement) {
    let choices = judgement
        .dialect
        .as_ref()
        .map(crate::hammer::judge::Dialect::choices);
    let choices = choices.unwrap_or_default();
    if choices.is_empty() && judgement.notes.is_empty() {
        return;
    }
    line(
        out,
        format_args!("\nother than the letter of the contract (--strict makes these violations)"),
    );
    for choice in choices {
        line(out, format_args!("  {choice}"));
    }
    for note in &judgement.notes {
        line(
            out,
            format_args!("  {} · {}: {}", note.invariant, note.key, note.seen),
        );
    }
}

/// How fast answers came, in a line.
fn headline_latency(judgement: &Judgement) -> String {
    let shown = CLASSES
        .iter()
        .zip(&judgement.latency)
        .filter(|(_, seen)| !seen.is_empty());
    let words: Vec<String> = shown
        .map(|(name, seen)| {
            let millis = |at| {
                let micros = u32::try_from(seen.value_at_quantile(at)).unwrap_or(u32::MAX);
                f64::from(micros) / 1000.0
            };
            format!(
                "{name} p50 {:.1} ms, p99 {:.1} ms",
                millis(0.5),
                millis(0.99)
            )
        })
        .collect();
    words.join(" · ")
}
