//! Invariants about refusals of valid orders.

use super::declared::is_unusual;
use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{KeyView, PayloadIdentity};
use crate::hammer::history::Answer;
use crate::hammer::workload::RequestKind;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "no-server-error",
        meaning: "no 5xx without a fault, except 503 with Retry-After",
        rule: Rule::Key(no_server_error),
    },
    Invariant {
        name: "valid-is-accepted",
        meaning: "a valid order is accepted, replayed or told to retry, nothing else",
        rule: Rule::Key(valid_is_accepted),
    },
    Invariant {
        name: "conflict-needs-a-rival",
        meaning: "a request without concurrent duplicates is not told that its key is in use",
        rule: Rule::Key(conflict_needs_a_rival),
    },
    Invariant {
        name: "says-when-to-retry",
        meaning: "retryable refusals carry Retry-After",
        rule: Rule::Key(says_when_to_retry),
    },
];

fn no_server_error(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    if view.met_process_fault() {
        return Finding::NotApplicable;
    }
    let mut finding = Finding::NotApplicable;
    for attempt in &view.attempts {
        let Some(answer) = attempt.answer() else {
            continue;
        };
        let declared = dialect.declared && dialect.in_flight.contains(&answer.status);
        let retryable = answer.status == 503 && answer.retry_after.is_some();
        if answer.status >= 500 && !retryable && !declared {
            let words = format!("answered {}", answer.summary());
            // A declared contract says nothing of requests that are not as it describes them.
            if dialect.declared
                && (attempt.invoked.kind != RequestKind::Place || is_unusual(attempt))
            {
                finding = Finding::Deviation(words);
                continue;
            }
            return Finding::Violated(words);
        }
        if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

fn valid_is_accepted(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let expected = |status: u16| {
        matches!(status, 200..300 | 409 | 429 | 500..) || dialect.mismatch.contains(&status)
    };
    if dialect.declared {
        // `declared-status` knows better.
        return Finding::NotApplicable;
    }
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        if expected(answer.status) {
            if finding == Finding::NotApplicable {
                finding = Finding::Held;
            }
            continue;
        }
        let identity = PayloadIdentity::of(attempt, dialect);
        let accepted_elsewhere = view
            .accepted()
            .iter()
            .any(|(other, _)| PayloadIdentity::of(other, dialect) == identity);
        let words = format!("a valid order was answered {}", answer.summary());
        if accepted_elsewhere || matches!(answer.status, 300..400 | 404 | 405) {
            return Finding::Violated(words);
        }
        finding = Finding::Deviation(words);
    }
    finding
}

fn conflict_needs_a_rival(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let unclear =
        view.met_process_fault() || view.may_have_lost_answers() || view.had_invalid_body();
    if unclear || view.only_payload(dialect).is_none() {
        return Finding::NotApplicable;
    }
    // Overload needs no rival, and a duplicate may be refused forever.
    let conflicts = |answer: &Answer| {
        let overload = matches!(answer.status, 429 | 503);
        let listed = answer.status == 409 || dialect.in_flight.contains(&answer.status);
        listed && !overload && !dialect.refuses_duplicates(answer)
    };
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let alone = !view.attempts.iter().any(|other| {
            other.invoked.n != attempt.invoked.n
                && other.invoked.t < attempt.outcome.t
                && other.outcome.t > attempt.invoked.t
        });
        if alone && conflicts(answer) {
            return Finding::Violated(format!(
                "without a concurrent duplicate, answered {}",
                answer.summary()
            ));
        }
        if alone {
            finding = Finding::Held;
        }
    }
    finding
}

fn says_when_to_retry(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let retryable = view
        .answered()
        .map(|(_, answer)| answer)
        .filter(|answer| dialect.says_in_use(answer) || answer.status == 503)
        .filter(|answer| answer.status >= 400 && !dialect.refuses_duplicates(answer));
    let mut finding = Finding::NotApplicable;
    for answer in retryable {
        if answer.retry_after.is_none() {
            return Finding::Deviation(format!("no Retry-After with {}", answer.summary()));
        }
        finding = Finding::Held;
    }
    finding
}
