//! `summary.md`: the verdict as Markdown, for the step summary of a CI.

use std::fmt::{Arguments, Write};

use super::Report;
use super::text::{INSECURE, clean, left_behind, not_in_history, violation_bound};
use crate::hammer::judge::{Judgement, Verdict};
use crate::hammer::words::counted;

/// Maximum number of violations shown; `report.html` has more.
const MAX_VIOLATIONS: usize = 10;

/// Renders the summary.
pub(super) fn render(report: &Report) -> String {
    let judgement = &report.judgement;
    let mut text = String::new();
    let out = &mut text;
    headline(out, judgement);
    if judgement.header.insecure {
        line(out, format_args!("\n{INSECURE}."));
    }
    violations(out, judgement);
    list(
        out,
        "What is missing for a verdict",
        judgement.all_inconclusive_reasons(),
    );
    coverage(out, judgement);
    let of_keys = judgement.deviations.iter();
    let of_keys = of_keys.map(|one| format!("{}: {}", one.invariant, one.seen));
    let deviations = judgement.dialect_deviations().into_iter().chain(of_keys);
    list(
        out,
        "Deviations from the contract (violations with --strict)",
        deviations.collect(),
    );
    let notes = [left_behind(report), not_in_history(report)];
    for note in notes.iter().flatten() {
        line(out, format_args!("\n{}.", inline(note)));
    }
    line(
        out,
        format_args!("\nRepeat with {}", code(&judgement.header.repeat)),
    );
    text
}

fn line(out: &mut String, words: Arguments<'_>) {
    writeln!(out, "{words}").expect("writing to a String cannot fail");
}

fn headline(out: &mut String, judgement: &Judgement) {
    let verdict = judgement.verdict();
    let mark = match verdict {
        Verdict::Held => "✅",
        Verdict::Violated => "❌",
        Verdict::Unknown => "⚠️",
    };
    line(
        out,
        format_args!("## {mark} orders hammer: {}\n", verdict.name()),
    );
    if verdict == Verdict::Held {
        line(out, format_args!("{}.\n", violation_bound(judgement)));
    }
    let targets: Vec<String> = judgement
        .header
        .targets
        .iter()
        .map(|one| code(one))
        .collect();
    line(
        out,
        format_args!(
            "{}, {}, {} whose duplicates overlapped, seed {}, {}",
            counted(judgement.requests, "request", "requests"),
            counted(judgement.keys, "key", "keys"),
            counted(judgement.contended, "key", "keys"),
            judgement.header.seed,
            targets.join(" ")
        ),
    );
}

fn violations(out: &mut String, judgement: &Judgement) {
    if judgement.violated == 0 {
        return;
    }
    let violations = counted(judgement.violated, "violation", "violations");
    line(out, format_args!("\n### {violations}\n"));
    line(
        out,
        format_args!("| invariant | scenario | key | observed |"),
    );
    line(out, format_args!("|---|---|---|---|"));
    for one in judgement.violations.iter().take(MAX_VIOLATIONS) {
        line(
            out,
            format_args!(
                "| {} | {} | {} | {} |",
                one.invariant,
                one.scope.name(),
                code(&one.key),
                inline(&one.seen)
            ),
        );
    }
}

fn list(out: &mut String, title: &str, items: Vec<String>) {
    if items.is_empty() {
        return;
    }
    line(out, format_args!("\n### {title}\n"));
    for item in items {
        line(out, format_args!("- {}", inline(&item)));
    }
}

fn coverage(out: &mut String, judgement: &Judgement) {
    line(out, format_args!("\n| observed | times |\n|---|--:|"));
    for (row, count) in judgement.coverage.rows(&judgement.header) {
        line(out, format_args!("| {} | {count} |", row.label()));
    }
}

/// Text that cannot become Markdown or HTML.
fn inline(text: &str) -> String {
    let mut escaped = String::new();
    for letter in clean(text).chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '!' | '#' | '~' | '$' | '@' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Text as code. HTML code is the only kind that a table and a backtick cannot break.
fn code(text: &str) -> String {
    format!("<code>{}</code>", inline(text))
}

#[cfg(test)]
mod tests {
    use super::{code, inline};

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(
            inline("<img src=x> | [a](b) `c`\n@d"),
            r"&lt;img src=x&gt; \| \[a\]\(b\) \`c\`\\n\@d"
        );
        assert_eq!(code("a|`b`"), r"<code>a\|\`b\`</code>");
    }
}
