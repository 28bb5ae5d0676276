//! Phrases and numbers that several reports share.

use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::Judgement;

/// What a run without a violation shows: the rule of three bounds the rate at 95 %.
pub(super) fn violation_bound(judgement: &Judgement) -> String {
    format!(
        "0 violations in {} contended keys (true rate below 1 in {}, 95 % confidence)",
        judgement.contended,
        judgement.contended / 3
    )
}

/// Converts nanoseconds to milliseconds.
#[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
pub(super) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
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
