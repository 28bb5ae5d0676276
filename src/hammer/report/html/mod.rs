//! `report.html`: one file without any dependency, not even on a network.

mod counterexamples;
mod lanes;
mod legend;
mod markup;
mod plot;
mod tables;

use super::Report;
use super::text::{INSECURE, left_behind, millis, not_in_history, violation_bound};
use crate::hammer::judge::{Judgement, Verdict};
use crate::hammer::words::counted;
use legend::legend;
use markup::{Markup, put};

const STYLE: &str = include_str!("style.css");

/// Renders the page.
pub(super) fn render(report: &Report) -> String {
    let judgement = &report.judgement;
    let mut page = Markup::default();
    page.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    let verdict = judgement.verdict().name();
    put!(page, "<title>orders hammer: {}</title>", verdict);
    page.raw("<style>");
    page.raw(STYLE);
    page.raw("</style></head><body><main>");
    headline(&mut page, judgement);
    inconclusive_reasons(&mut page, judgement);
    counterexamples::section(&mut page, judgement);
    tables::invariants(&mut page, judgement);
    latency(&mut page, judgement);
    page.raw("<div class=\"pair\">");
    tables::coverage(&mut page, judgement);
    tables::traffic(&mut page, judgement);
    page.raw("</div>");
    tables::deviations(&mut page, judgement);
    reproduce(&mut page, report);
    page.raw("</main></body></html>\n");
    page.into_string()
}

fn headline(page: &mut Markup, judgement: &Judgement) {
    let verdict = judgement.verdict();
    let sentence = match verdict {
        Verdict::Held => violation_bound(judgement),
        Verdict::Violated => format!(
            "{} of the promise of one order per key",
            counted(judgement.violated, "violation", "violations")
        ),
        Verdict::Unknown => {
            "No violation observed, but not enough observed to say that the promise holds"
                .to_owned()
        }
    };
    put!(
        page,
        "<header><div class=\"verdict {}\">{}</div>",
        verdict.name(),
        verdict.name().to_uppercase()
    );
    put!(
        page,
        "<h1>{}<br><span class=\"soft\">{}</span></h1></header>",
        sentence,
        judgement.header.targets.join(" · ")
    );
    if judgement.header.insecure {
        put!(page, "<p class=\"invariant\">{}</p>", INSECURE);
    }
    if let Some(limit) = judgement.limit() {
        put!(page, "<p class=\"soft\">{}</p>", limit);
    }
    let seconds = format!("{:.1}", millis(judgement.ended) / 1000.0);
    let tiles = [
        ("requests", judgement.requests.to_string()),
        ("keys", judgement.keys.to_string()),
        (
            "keys whose duplicates overlapped",
            judgement.contended.to_string(),
        ),
        ("violations", judgement.violated.to_string()),
        ("seconds", seconds),
        ("seed", judgement.header.seed.to_string()),
    ];
    page.raw("<div class=\"tiles\">");
    for (name, value) in tiles {
        put!(
            page,
            "<div class=\"tile\"><b>{}</b><span>{}</span></div>",
            value,
            name
        );
    }
    page.raw("</div>");
}

fn inconclusive_reasons(page: &mut Markup, judgement: &Judgement) {
    let reasons = judgement.all_inconclusive_reasons();
    if reasons.is_empty() {
        return;
    }
    page.raw("<section><h2>Incomplete evidence</h2><ul>");
    for reason in reasons {
        put!(page, "<li>{}</li>", reason);
    }
    page.raw("</ul></section>");
}

fn latency(page: &mut Markup, judgement: &Judgement) {
    page.raw("<section><h2>Latency, from the last byte sent to the first byte received</h2>");
    legend(page);
    page.raw("<div class=\"pair\"><div>");
    page.append(&plot::scatter(
        &judgement.points,
        &judgement.process_faults,
        judgement.ended,
    ));
    page.raw("</div><div>");
    page.append(&plot::percentiles(&judgement.latencies));
    page.raw("</div></div><p class=\"soft\">");
    page.raw("First over the time of the run; dashed lines are process faults. ");
    page.raw("Then by percentile. Races are included: this is not a benchmark.</p></section>");
}

fn reproduce(page: &mut Markup, report: &Report) {
    let header = &report.judgement.header;
    let scenarios: Vec<&str> = header.scenarios.iter().map(|one| one.name()).collect();
    put!(
        page,
        "<section><h2>Reproduce</h2><pre>{}\norders hammer check history.ndjson</pre>",
        header.repeat
    );
    for note in [left_behind(report), not_in_history(report)]
        .into_iter()
        .flatten()
    {
        put!(page, "<p>{}.</p>", note);
    }
    put!(
        page,
        "<p class=\"soft\">orders {} · profile {} · run {} · {} cores · scenarios {}</p></section>",
        header.program,
        header.profile.as_str(),
        header.run,
        header.cores,
        scenarios.join(", ")
    );
}
