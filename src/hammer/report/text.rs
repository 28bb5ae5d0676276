//! Phrases and numbers that several reports share.

use super::Report;
use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::Judgement;
use crate::hammer::words::counted;

/// What a run without a violation shows: the rule of three bounds the rate at 95 %.
pub(super) fn violation_bound(judgement: &Judgement) -> String {
    format!(
        "0 violations in {} contended {} (true rate below 1 in {}, 95 % confidence)",
        judgement.contended,
        if judgement.contended == 1 {
            "key"
        } else {
            "keys"
        },
        (judgement.contended / 3).max(1)
    )
}

/// Converts nanoseconds to milliseconds.
#[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
pub(super) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// Replaces control characters by their escapes: a foreign text cannot move the cursor or hide
/// what follows.
pub(super) fn clean(text: &str) -> String {
    let escape = |letter: char| match letter {
        '\t' => " ".to_owned(),
        control if control.is_control() => control.escape_default().to_string(),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

/// What a verdict over TLS leaves open.
pub(super) const INSECURE: &str = "the certificate of the target was not verified (--insecure)";

/// What is left in the service after the run, in words.
pub(super) fn left_behind(report: &Report) -> Option<String> {
    let header = &report.judgement.header;
    let stored = report.stored_orders.filter(|_| !header.temporary)?;
    let verb = if stored == 1 { "stays" } else { "stay" };
    Some(format!(
        "{} {verb} in the service: items begin with `{}`",
        counted(stored, "order", "orders"),
        clean(&header.item_prefix())
    ))
}

/// What the history does not have, in words.
pub(super) fn not_in_history(report: &Report) -> Option<String> {
    let missing = report.missing_cycles;
    (missing > 0).then(|| {
        format!(
            "{} judged during the run, but not kept in the history",
            counted(u64::from(missing), "cycle was", "cycles were")
        )
    })
}

/// How an attempt ended, in words.
pub(super) fn ending(attempt: &Attempt) -> String {
    let fault = attempt.invoked.fault.kind();
    let fault = fault.map_or(String::new(), |kind| format!(" [{}]", kind.name()));
    match (attempt.answer(), &attempt.outcome.error, attempt.completion) {
        (Some(answer), _, _) => {
            let mark = if answer.replayed { " replayed" } else { "" };
            format!("{}{mark} {}{fault}", answer.status, answer.body)
        }
        (None, Some(error), Completion::Fail) => format!("not sent: {error}{fault}"),
        (None, error, _) => format!("unknown: {}{fault}", error.as_deref().unwrap_or("")),
    }
}
