//! `report.html`: one file that needs nothing else, not even a network.

use std::collections::BTreeSet;
use std::fmt::{Arguments, Write};

use super::json::CLASSES;
use super::markup::escape;
use super::{plot, timeline, timeline_svg};
use crate::hammer::judge::{Cell, Dialect, Judgement, Verdict, invariants};

const STYLE: &str = include_str!("style.css");

fn put(page: &mut String, words: Arguments<'_>) {
    page.write_fmt(words).expect("a String takes everything");
}

/// The whole page.
pub(super) fn render(judgement: &Judgement) -> String {
    let mut page = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">";
    put(
        &mut page,
        format_args!(
            "<title>orders hammer: {}</title>",
            word(judgement.verdict())
        ),
    );
    put(
        &mut page,
        format_args!("<style>{STYLE}</style></head><body><main>"),
    );
    headline(&mut page, judgement);
    inconclusive_reasons(&mut page, judgement);
    counterexamples(&mut page, judgement);
    grid(&mut page, judgement);
    plots(&mut page, judgement);
    page += "<div class=\"pair\">";
    coverage(&mut page, judgement);
    faults(&mut page, judgement);
    page += "</div>";
    choices(&mut page, judgement);
    repeat(&mut page, judgement);
    page + "</main></body></html>\n"
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Violated => "violated",
        Verdict::Unknown => "unknown",
    }
}

fn headline(page: &mut String, judgement: &Judgement) {
    let verdict = word(judgement.verdict());
    let sentence = match judgement.verdict() {
        Verdict::Held => format!(
            "No violation in {} contended keys: fewer than 1 in {} at 95 % confidence",
            judgement.contended,
            judgement.contended / 3
        ),
        Verdict::Violated => format!(
            "{} violations of the promise: one order for one key",
            judgement.violated
        ),
        Verdict::Unknown => {
            "Nothing seen that breaks the promise, and not enough seen to say that it holds"
                .to_owned()
        }
    };
    put(
        page,
        format_args!(
            "<header><div class=\"verdict {verdict}\">{}</div><h1>{sentence}<br><span class=\"soft\">{}</span></h1></header>",
            verdict.to_uppercase(),
            escape(&judgement.header.targets.join(" · "))
        ),
    );
    let tiles = [
        ("requests", judgement.requests.to_string()),
        ("keys", judgement.keys.to_string()),
        ("keys whose requests met", judgement.contended.to_string()),
        ("violations", judgement.violated.to_string()),
        (
            "seconds",
            format!("{:.1}", timeline::millis(judgement.ended) / 1000.0),
        ),
        ("seed", judgement.header.seed.to_string()),
    ];
    page.push_str("<div class=\"tiles\">");
    for (name, value) in tiles {
        put(
            page,
            format_args!("<div class=\"tile\"><b>{value}</b><span>{name}</span></div>"),
        );
    }
    page.push_str("</div>");
}

fn inconclusive_reasons(page: &mut String, judgement: &Judgement) {
    let inconclusive_reasons = judgement.all_inconclusive_reasons();
    if inconclusive_reasons.is_empty() || judgement.verdict() == Verdict::Held {
        return;
    }
    page.push_str("<section><h2>What is missing</h2><ul>");
    for reason in inconclusive_reasons {
        put(page, format_args!("<li>{}</li>", escape(&reason)));
    }
    page.push_str("</ul></section>");
}

fn counterexamples(page: &mut String, judgement: &Judgement) {
    if judgement.counterexamples.is_empty() {
        return;
    }
    page.push_str("<section><h2>Keys that convict</h2>");
    legend(page);
    for counterexample in &judgement.counterexamples {
        put(
            page,
            format_args!("<h3>{}</h3>", escape(&counterexample.key)),
        );
        for violation in judgement
            .violations
            .iter()
            .filter(|one| one.key == counterexample.key)
        {
            put(
                page,
                format_args!(
                    "<p><b style=\"color:var(--violated)\">{}</b> {}</p>",
                    violation.invariant,
                    escape(&violation.seen)
                ),
            );
        }
        page.push_str(&timeline_svg::draw(counterexample));
        put(
            page,
            format_args!(
                "<p class=\"soft\">{} stored under its items</p><pre>",
                counterexample.stored.len()
            ),
        );
        for order in counterexample.stored.iter().take(8) {
            put(page, format_args!("{}\n", escape(order)));
        }
        for fault in &counterexample.faults {
            put(
                page,
                format_args!(
                    "fault {}: {}\n",
                    escape(&fault.fault),
                    escape(&fault.evidence)
                ),
            );
        }
        for command in timeline::curl(counterexample, &judgement.header) {
            put(page, format_args!("{}\n", escape(&command)));
        }
        page.push_str("</pre>");
    }
    page.push_str("</section>");
}

fn legend(page: &mut String) {
    page.push_str("<div class=\"legend\">");
    for (class, name) in CLASSES.iter().enumerate() {
        put(
            page,
            format_args!("<span><i class=\"c{class}\"></i>{name}</span>"),
        );
    }
    page.push_str("</div>");
}

fn grid(page: &mut String, judgement: &Judgement) {
    let played: BTreeSet<&str> = judgement
        .grid
        .keys()
        .map(|(_, scenario)| scenario.as_str())
        .collect();
    let order = judgement.header.scenarios.iter().map(String::as_str);
    let scenarios: Vec<&str> = order
        .chain(["all"])
        .filter(|one| played.contains(one))
        .collect();
    page.push_str(
        "<section><h2>Invariants by scenario, in keys</h2><table class=\"grid\"><tr><th></th>",
    );
    for scenario in &scenarios {
        put(
            page,
            format_args!("<th class=\"turned\"><div>{}</div></th>", escape(scenario)),
        );
    }
    page.push_str("</tr>");
    for invariant in invariants() {
        put(
            page,
            format_args!(
                "<tr><td class=\"name\">{}<small>{}</small></td>",
                invariant.name,
                escape(invariant.meaning)
            ),
        );
        for scenario in &scenarios {
            let key = (invariant.name, (*scenario).to_owned());
            let cell = judgement.grid.get(&key).copied().unwrap_or_default();
            let (class, count) = match cell {
                Cell { broken: 1.., .. } => ("bad", cell.broken.to_string()),
                Cell { otherwise: 1.., .. } => ("other", cell.otherwise.to_string()),
                Cell { held: 1.., .. } => ("ok", cell.held.to_string()),
                Cell { .. } => ("soft", "·".to_owned()),
            };
            put(
                page,
                format_args!("<td class=\"cell {class}\">{count}</td>"),
            );
        }
        page.push_str("</tr>");
    }
    page.push_str("</table><p class=\"soft\">Green: keys for which it held. Red: keys that break it. Yellow: other than the letter of the contract, harmlessly. A dot: it has nothing to say there.</p></section>");
}

fn plots(page: &mut String, judgement: &Judgement) {
    page.push_str(
        "<section><h2>Latency of every answer, from the last byte sent to the first byte seen</h2>",
    );
    legend(page);
    page.push_str("<div class=\"pair\"><div>");
    page.push_str(&plot::scatter(
        &judgement.points,
        &judgement.strikes,
        judgement.ended,
    ));
    page.push_str("</div><div>");
    page.push_str(&plot::percentiles(&judgement.latency));
    page.push_str("</div></div><p class=\"soft\">Left: over the time of the run, a dashed line where a process was struck. Right: by percentile. Races are in here: this is no benchmark.</p></section>");
}

fn coverage(page: &mut String, judgement: &Judgement) {
    page.push_str("<section><h2>What was really seen</h2><table>");
    for (row, count) in judgement.coverage.rows(&judgement.header) {
        let class = if count == 0 { "number zero" } else { "number" };
        put(
            page,
            format_args!("<tr><td>{row}</td><td class=\"{class}\">{count}</td></tr>"),
        );
    }
    page.push_str("</table></section>");
}

fn faults(page: &mut String, judgement: &Judgement) {
    page.push_str("<section><h2>Requests for one key that were open at once</h2>");
    page.push_str(&plot::overlaps(&judgement.overlaps));
    page.push_str("<h2 style=\"margin-top:16px\">Faults, tried and landed</h2><table>");
    for (fault, (tried, landed)) in &judgement.faults {
        put(
            page,
            format_args!(
                "<tr><td>{}</td><td class=\"number\">{tried}</td><td class=\"number\">{landed}</td></tr>",
                escape(fault)
            ),
        );
    }
    page.push_str("</table><h2 style=\"margin-top:16px\">Attempts by their end</h2><table>");
    for (name, count) in &judgement.outcomes {
        put(
            page,
            format_args!("<tr><td>{name}</td><td class=\"number\">{count}</td></tr>"),
        );
    }
    page.push_str("</table></section>");
}

fn choices(page: &mut String, judgement: &Judgement) {
    let choices = judgement
        .dialect
        .as_ref()
        .map(Dialect::choices)
        .unwrap_or_default();
    if choices.is_empty() && judgement.notes.is_empty() {
        return;
    }
    page.push_str("<section><h2>Other than the letter of the contract</h2><ul>");
    for choice in choices {
        put(page, format_args!("<li>{}</li>", escape(&choice)));
    }
    for note in &judgement.notes {
        put(
            page,
            format_args!("<li>{}: {}</li>", note.invariant, escape(&note.seen)),
        );
    }
    page.push_str("</ul></section>");
}

fn repeat(page: &mut String, judgement: &Judgement) {
    let header = &judgement.header;
    put(
        page,
        format_args!(
            "<section><h2>Again</h2><pre>{}\norders hammer check history.ndjson</pre><p class=\"soft\">orders {} · profile {} · run {} · {} cores · scenarios {}</p></section>",
            escape(&header.repeat),
            escape(&header.program),
            escape(&header.profile),
            escape(&header.run),
            header.cores,
            escape(&header.scenarios.join(", "))
        ),
    );
}
