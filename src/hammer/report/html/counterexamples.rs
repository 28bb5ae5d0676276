//! The violating keys: what is wrong with each of them, its timeline, and how to reproduce it.

use super::lanes;
use super::legend::legend;
use super::markup::{Markup, put};
use crate::hammer::judge::{Counterexample, Judgement};
use crate::hammer::report::{rows, timeline};

/// The section of all violating keys whose history was kept.
pub(super) fn section(page: &mut Markup, judgement: &Judgement) {
    if judgement.counterexamples.is_empty() {
        return;
    }
    page.raw("<section><h2>Violating keys</h2>");
    legend(page);
    for example in &judgement.counterexamples {
        put!(page, "<h3>{}</h3>", example.key);
        let violations = judgement.violations.iter();
        for violation in violations.filter(|violation| violation.key == example.key) {
            put!(
                page,
                "<p><b class=\"invariant\">{}</b> {}</p>",
                violation.invariant,
                violation.seen
            );
        }
        lanes::draw(page, judgement, example);
        details(page, judgement, example);
    }
    page.raw("</section>");
}

fn details(page: &mut Markup, judgement: &Judgement, example: &Counterexample) {
    put!(
        page,
        "<p class=\"soft\">Orders stored under its items: {}</p><pre>",
        example.stored.len()
    );
    for fact in rows::facts(example) {
        put!(page, "{}\n", fact);
    }
    for command in timeline::curl(example, &judgement.header) {
        put!(page, "{}\n", command);
    }
    page.raw("</pre>");
}
