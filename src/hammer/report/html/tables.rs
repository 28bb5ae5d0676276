//! The tables of the page: invariants, coverage, traffic, deviations.

use super::markup::{Markup, put};
use super::plot;
use crate::hammer::judge::{self, Judgement, KeyCounts};

/// How many keys each invariant was tested with, by scenario.
pub(super) fn invariants(page: &mut Markup, judgement: &Judgement) {
    let scopes = judgement.scopes();
    page.raw("<section><h2>Invariants by scenario (number of keys)</h2>");
    // Wider than a phone: it scrolls, also by keyboard.
    page.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" ");
    page.raw("aria-label=\"Invariants by scenario\">");
    page.raw("<table class=\"grid\"><tr><th class=\"name\">invariant</th>");
    for scope in &scopes {
        put!(
            page,
            "<th class=\"turned\"><div>{}</div></th>",
            scope.name()
        );
    }
    page.raw("</tr>");
    for invariant in judge::invariants() {
        put!(
            page,
            "<tr><td class=\"name\">{}<small>{}</small></td>",
            invariant.name,
            invariant.meaning
        );
        for scope in &scopes {
            let counts = judgement.grid.get(&(invariant.name, *scope)).copied();
            let (class, count) = match counts.unwrap_or_default() {
                KeyCounts {
                    violated: count @ 1..,
                    ..
                } => ("bad", count.to_string()),
                KeyCounts {
                    deviated: count @ 1..,
                    ..
                } => ("other", count.to_string()),
                KeyCounts {
                    held: count @ 1.., ..
                } => ("ok", count.to_string()),
                KeyCounts { .. } => ("soft", "·".to_owned()),
            };
            put!(page, "<td class=\"cell {}\">{}</td>", class, count);
        }
        page.raw("</tr>");
    }
    page.raw("</table></div><p class=\"soft\">Green: held. Red: violated. ");
    page.raw("Yellow: a harmless deviation from the contract. “·”: not applicable.</p></section>");
}

/// What the run exercised.
pub(super) fn coverage(page: &mut Markup, judgement: &Judgement) {
    page.raw("<section><h2>Coverage</h2><table>");
    page.raw("<tr><th>observed</th><th class=\"number\">times</th></tr>");
    for (row, count) in judgement.coverage.rows(&judgement.header) {
        let class = if count == 0 { "number zero" } else { "number" };
        put!(
            page,
            "<tr><td>{}</td><td class=\"{}\">{}</td></tr>",
            row.label(),
            class,
            count
        );
    }
    page.raw("</table></section>");
}

/// Overlaps, faults and outcomes.
pub(super) fn traffic(page: &mut Markup, judgement: &Judgement) {
    page.raw("<section><h2>Contended keys by requests in flight at the same time</h2>");
    page.append(&plot::overlaps(&judgement.overlaps));
    page.raw("<h2 class=\"next\">Faults</h2><table>");
    page.raw(
        "<tr><th>fault</th><th class=\"number\">injected</th><th class=\"number\">landed</th></tr>",
    );
    for (kind, count) in &judgement.faults {
        put!(
            page,
            "<tr><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            kind.name(),
            count.injected,
            count.landed
        );
    }
    page.raw("</table><h2 class=\"next\">Attempts by outcome</h2><table>");
    page.raw("<tr><th>outcome</th><th class=\"number\">attempts</th></tr>");
    for (ending, count) in &judgement.endings {
        put!(
            page,
            "<tr><td>{}</td><td class=\"number\">{}</td></tr>",
            ending,
            count
        );
    }
    page.raw("</table></section>");
}

/// Where the target deviates from the contract without violating the promise.
pub(super) fn deviations(page: &mut Markup, judgement: &Judgement) {
    let of_dialect = judgement.dialect_deviations();
    if of_dialect.is_empty() && judgement.deviations.is_empty() {
        return;
    }
    page.raw("<section><h2>Deviations from the contract</h2><ul>");
    for deviation in of_dialect {
        put!(page, "<li>{}</li>", deviation);
    }
    for deviation in &judgement.deviations {
        put!(page, "<li>{}: {}</li>", deviation.invariant, deviation.seen);
    }
    page.raw("</ul></section>");
}
