//! The dialect of a target: what it does where the contract leaves a choice.
//!
//! What the contract of the run does not declare is learned from the answers at rest, and then
//! required under load and faults. A choice that gives up the promise itself is not part of it.

use crate::hammer::contract::Contract;
use crate::hammer::history::{Answer, Attempt, Header};
use crate::hammer::workload::{RequestKind, Scenario, Spelling, Variant};

/// Statuses of a duplicate in flight that are accepted from a target that declares none.
const IN_FLIGHT: [u16; 4] = [409, 425, 429, 503];

/// The choices of a target. The default is the contract of `orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Dialect {
    pub(super) contract: Contract,
    /// Whether the contract comes from a file, so that what it says is required.
    pub(super) declared: bool,
    /// Statuses of a fresh answer; 201 in the contract of `orders`.
    pub(super) fresh: Vec<u16>,
    /// Statuses of a replay; 200 in the contract of `orders`.
    pub(super) replay: Vec<u16>,
    /// Statuses for a different payload; 409 in the contract of `orders`. Empty if payloads are
    /// not compared.
    pub(super) mismatch: Vec<u16>,
    /// Statuses of a duplicate in flight.
    pub(super) in_flight: Vec<u16>,
    /// Whether replays carry the header that marks them, as in the contract of `orders`.
    pub(super) marks_replays: bool,
    /// Whether replays carry `Location`, as in the contract of `orders`.
    pub(super) replays_location: bool,
    /// Whether fresh answers carry `Location`.
    has_location: bool,
    /// Whether answers name what was made.
    pub(super) names_orders: bool,
    /// The spellings that are taken for a different payload; none in the contract of `orders`.
    pub(super) distinct_spellings: Vec<Spelling>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            contract: Contract::of_orders().clone(),
            declared: false,
            fresh: vec![201],
            replay: vec![200],
            mismatch: vec![409],
            in_flight: IN_FLIGHT.to_vec(),
            marks_replays: true,
            replays_location: true,
            has_location: true,
            names_orders: true,
            distinct_spellings: Vec::new(),
        }
    }
}

impl Dialect {
    /// Learns the dialect from the answers at rest. What they do not show is as in the contract of
    /// `orders`; what the contract of the run declares is as declared.
    pub(super) fn learn(attempts: &[Attempt], header: &Header) -> Self {
        let mut dialect = Self {
            contract: header.contract().clone(),
            declared: header.contract.is_some(),
            ..Self::default()
        };
        let at_rest = attempts_at_rest(attempts);
        let mut plain = at_rest
            .iter()
            .filter(|attempt| {
                attempt.invoked.variant == Variant::First
                    && attempt.invoked.spelling == Spelling::Plain
            })
            .filter_map(|attempt| attempt.accepted());
        if let Some(first) = plain.next() {
            if shows_fresh(&at_rest) {
                dialect.fresh = vec![first.status];
            } else {
                // The first request may have placed the order without being answered, so this
                // answer is fresh or a replay.
                dialect.fresh.push(first.status);
            }
            dialect.has_location = first.location.is_some();
            dialect.names_orders = first.order.is_some();
        }
        if let Some(replay) = plain.next() {
            dialect.replay = vec![replay.status];
            dialect.marks_replays = replay.replayed;
            dialect.replays_location = replay.location.is_some();
        }
        for answer in answers(&at_rest, |attempt| {
            attempt.invoked.variant != Variant::First
        }) {
            if matches!(answer.status, 409 | 422) {
                dialect.mismatch = vec![answer.status];
            }
        }
        if dialect.declared {
            dialect.require();
        }
        for attempt in &at_rest {
            let spelling = attempt.invoked.spelling;
            let refused = attempt.answer().is_some_and(|answer| {
                (400..500).contains(&answer.status) && !dialect.settles(attempt, answer)
            });
            if attempt.invoked.variant == Variant::First && spelling != Spelling::Plain && refused {
                dialect.distinct_spellings.push(spelling);
            }
        }
        dialect
    }

    /// Replaces what was learned by what the contract declares.
    fn require(&mut self) {
        let response = &self.contract.response;
        let declared = [
            (&mut self.fresh, &response.fresh),
            (&mut self.replay, &response.replay),
            (&mut self.mismatch, &response.mismatch),
            (&mut self.in_flight, &response.in_flight),
        ];
        for (statuses, declared) in declared {
            if let Some(declared) = declared {
                statuses.clone_from(declared);
            }
        }
        self.marks_replays = response.replayed_header.is_some();
        self.names_orders |= response.id.is_some();
        self.replays_location &= self.has_location;
    }

    /// Whether a different payload is told from the first one.
    pub(super) fn compares_payloads(&self) -> bool {
        !self.mismatch.is_empty()
    }

    /// Whether fresh answers can be told from replays.
    pub(super) fn distinguishes_fresh(&self) -> bool {
        let shared = self.fresh.iter().any(|status| self.replay.contains(status));
        self.marks_replays || !shared
    }

    /// Whether an answer looks like the first one.
    pub(super) fn is_fresh(&self, answer: &Answer) -> bool {
        self.fresh.contains(&answer.status) && !answer.replayed
    }

    /// Whether the answer to an attempt says that something was made under its key, now or before.
    pub(super) fn settles(&self, attempt: &Attempt, answer: &Answer) -> bool {
        attempt.accepted().is_some() || self.refuses_duplicates(answer)
    }

    /// Whether the answer refuses a duplicate because something was made before.
    pub(super) fn refuses_duplicates(&self, answer: &Answer) -> bool {
        self.declared && self.contract.response.refuses_duplicates(answer.status)
    }

    /// Whether replays must have the same bytes, or only the same JSON, if that is declared.
    pub(super) fn same_body(&self) -> Option<bool> {
        self.contract.response.same_body.filter(|_| self.declared)
    }

    /// Whether the answer says that the key was used with a different payload.
    pub(super) fn says_reused(&self, answer: &Answer) -> bool {
        !self.declared && answer.code.as_deref() == Some("IDEMPOTENCY_KEY_REUSED")
    }

    /// Whether the answer says that the first request of the key is still in flight.
    pub(super) fn says_in_use(&self, answer: &Answer) -> bool {
        if self.declared {
            let other = self.mismatch.contains(&answer.status);
            return self.in_flight.contains(&answer.status) && !other;
        }
        answer.code.as_deref() == Some("IDEMPOTENCY_KEY_IN_USE")
    }

    /// The deviations from the contract, in words.
    pub(crate) fn deviations(&self) -> Vec<String> {
        let contract = Self::default();
        let mut deviations = Vec::new();
        let mut note = |deviates: bool, words: String| {
            if deviates {
                deviations.push(words);
            }
        };
        // What a contract from a file does not declare cannot deviate from it.
        let orders = !self.declared;
        note(
            orders && self.fresh != contract.fresh,
            format!("a new order is answered {}, not 201", list(&self.fresh)),
        );
        note(
            orders && self.replay != contract.replay,
            format!("a replay is answered {}, not 200", list(&self.replay)),
        );
        note(
            orders && !self.marks_replays,
            "a replay does not carry Idempotent-Replayed: true".to_owned(),
        );
        note(
            self.has_location && !self.replays_location,
            "a replay does not carry Location".to_owned(),
        );
        note(
            orders && !self.has_location,
            "a new order is answered without Location".to_owned(),
        );
        note(
            orders && self.mismatch != contract.mismatch,
            format!(
                "a different payload is answered {}, not 409",
                list(&self.mismatch)
            ),
        );
        note(
            !self.distinct_spellings.is_empty(),
            format!(
                "the same JSON in another spelling is a different payload: {:?}",
                self.distinct_spellings
            ),
        );
        deviations
    }
}

/// Statuses in words.
pub(super) fn list(statuses: &[u16]) -> String {
    let words: Vec<String> = statuses.iter().map(u16::to_string).collect();
    words.join(" or ")
}

fn answers<'a>(
    attempts: &'a [&Attempt],
    of: impl Fn(&Attempt) -> bool + 'a,
) -> impl Iterator<Item = &'a Answer> {
    attempts
        .iter()
        .filter(move |attempt| of(attempt))
        .filter_map(|attempt| attempt.answer())
}

/// The attempts of the `contract` case that shows most of the dialect: one key, one request at a time.
fn attempts_at_rest(attempts: &[Attempt]) -> Vec<&Attempt> {
    let mut cases: Vec<Vec<&Attempt>> = Vec::new();
    for attempt in attempts {
        let invoked = &attempt.invoked;
        if invoked.scenario != Scenario::Contract
            || invoked.kind != RequestKind::Place
            || invoked.drain
        {
            continue;
        }
        match cases
            .iter_mut()
            .find(|case| case[0].invoked.key == invoked.key)
        {
            Some(case) => case.push(attempt),
            None => cases.push(vec![attempt]),
        }
    }
    // The last of equals is the maximum, hence the reversal.
    let shows_more = |case: &Vec<&Attempt>| {
        let any_accepted = case.iter().any(|attempt| attempt.accepted().is_some());
        (any_accepted, shows_fresh(case), case.len())
    };
    let most = cases.into_iter().rev().max_by_key(shows_more);
    most.unwrap_or_default()
}

/// Whether the first request of the key was accepted, so that its answer is a fresh one.
fn shows_fresh(case: &[&Attempt]) -> bool {
    case.first().is_some_and(|first| first.accepted().is_some())
}

/// Whether the attempts at rest show what the target answers to the first request of a key.
pub(crate) fn shows_fresh_answer(attempts: &[Attempt]) -> bool {
    shows_fresh(&attempts_at_rest(attempts))
}

/// Checks that the target takes orders at all; if not, the error says why.
pub(crate) fn speaks_contract(
    attempts: &[Attempt],
    contract: &Contract,
    target: &str,
) -> Result<(), String> {
    let (method, path) = (contract.request.method.name(), &contract.request.path);
    let at_rest = attempts_at_rest(attempts);
    if at_rest.iter().any(|attempt| attempt.accepted().is_some()) {
        return Ok(());
    }
    let Some(first) = at_rest.first() else {
        return Err("no order was sent".to_owned());
    };
    Err(match (first.answer(), &first.outcome.error) {
        (Some(answer), _) => format!(
            "the target does not speak the contract: {method} {target}{path} answered {} {:?}",
            answer.status,
            answer.body.chars().take(120).collect::<String>()
        ),
        (None, Some(error)) => format!("no usable answer from {target}: {error}"),
        (None, None) => format!("no answer from {target}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hammer::history::{CycleHistory, Event};

    /// What the target answers with these statuses, each to the next of the requests for a new
    /// order of a case; 0 is no answer.
    fn attempts(cases: &[&[u16]]) -> Vec<Attempt> {
        let mut history = CycleHistory::default();
        let mut add = |event: serde_json::Value| {
            history.add(serde_json::from_value::<Event>(event).unwrap());
        };
        let mut n = 0;
        for (case, statuses) in cases.iter().enumerate() {
            for status in *statuses {
                n += 1;
                add(serde_json::json!({
                    "type": "invoke", "n": n, "t": n, "scenario": "contract",
                    "key": format!("contract-{case}"), "lines": [], "ask": "place", "payload": u8::from(Variant::First),
                    "spelling": "plain", "item": "a", "quantity": 1, "instance": 0,
                    "gate": "barrier", "fault": {"kind": "none"}, "struck": false, "drain": false
                }));
                add(match status {
                    0 => serde_json::json!({"type": "unknown", "n": n, "t": n, "error": "timeout"}),
                    _ => serde_json::json!({"type": "ok", "n": n, "t": n, "answer": {
                        "status": status, "replayed": *status == 200, "body": "{}", "bytes": "00"
                    }}),
                });
            }
        }
        history.attempts
    }

    fn learn(cases: &[&[u16]]) -> (Vec<u16>, Vec<u16>) {
        let header = serde_json::json!({
            "version": 1, "program": "0", "run": "r", "seed": 1, "profile": "quick",
            "targets": [], "scenarios": [], "oracles": [], "strict": false, "least_contended": 1,
            "settle_ms": 1, "started_unix_ms": 1, "cores": 1, "repeat": ""
        });
        let header: Header = serde_json::from_value(header).unwrap();
        let dialect = Dialect::learn(&attempts(cases), &header);
        (dialect.fresh, dialect.replay)
    }

    #[test]
    fn fresh_and_replayed_are_learned_from_a_first_request_that_was_answered() {
        assert_eq!(learn(&[&[201, 200]]), (vec![201], vec![200]));
        assert_eq!(learn(&[&[202, 202]]), (vec![202], vec![202]));
        assert_eq!(
            learn(&[&[0, 200, 200], &[201, 200]]),
            (vec![201], vec![200])
        );
    }

    #[test]
    fn a_replay_after_a_first_request_without_an_answer_is_not_learned_as_fresh() {
        assert_eq!(learn(&[&[0, 200, 200]]), (vec![201, 200], vec![200]));
    }
}
