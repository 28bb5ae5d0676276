//! The dialect of a target: what it does where the contract leaves a choice.
//!
//! It is learned from the answers at rest, and then required under load and faults. A choice that
//! gives up the promise itself is not part of it.

use crate::hammer::history::{Answer, Attempt};
use crate::hammer::workload::{RequestKind, Scenario, Spelling, Variant};

/// The choices of a target. The default is the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Status of a fresh answer; 201 in the contract.
    pub(super) fresh_status: u16,
    /// Status of a replay; 200 in the contract.
    pub(super) replay_status: u16,
    /// Whether replays carry `Idempotent-Replayed: true`, as in the contract.
    pub(super) marks_replays: bool,
    /// Whether replays carry `Location`, as in the contract.
    pub(super) replays_location: bool,
    /// Status for a different payload; 409 in the contract.
    pub(super) mismatch_status: u16,
    /// The spellings that are taken for a different payload; none in the contract.
    pub(super) distinct_spellings: Vec<Spelling>,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            fresh_status: 201,
            replay_status: 200,
            marks_replays: true,
            replays_location: true,
            mismatch_status: 409,
            distinct_spellings: Vec::new(),
        }
    }
}

impl Dialect {
    /// Learns the dialect from the answers at rest. What they do not show is as in the contract.
    pub(super) fn learn(attempts: &[Attempt]) -> Self {
        let mut dialect = Self::default();
        let at_rest = attempts_at_rest(attempts);
        let mut plain = at_rest
            .iter()
            .filter(|attempt| {
                attempt.invoked.variant == Variant::First
                    && attempt.invoked.spelling == Spelling::Plain
            })
            .filter_map(|attempt| attempt.accepted());
        if let Some(first) = plain.next() {
            dialect.fresh_status = first.status;
        }
        if let Some(replay) = plain.next() {
            dialect.replay_status = replay.status;
            dialect.marks_replays = replay.replayed;
            dialect.replays_location = replay.location.is_some();
        }
        for attempt in &at_rest {
            let Some(answer) = attempt.answer() else {
                continue;
            };
            let invoked = &attempt.invoked;
            let refused = (400..500).contains(&answer.status);
            if invoked.variant != Variant::First && matches!(answer.status, 409 | 422) {
                dialect.mismatch_status = answer.status;
            } else if invoked.spelling != Spelling::Plain && refused {
                dialect.distinct_spellings.push(invoked.spelling);
            }
        }
        dialect
    }

    /// Whether fresh answers can be told from replays.
    pub(super) fn distinguishes_fresh(&self) -> bool {
        self.marks_replays || self.fresh_status != self.replay_status
    }

    /// Whether an answer looks like the first one.
    pub(super) fn is_fresh(&self, answer: &Answer) -> bool {
        answer.status == self.fresh_status && !answer.replayed
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
        note(
            self.fresh_status != contract.fresh_status,
            format!("a new order is answered {}, not 201", self.fresh_status),
        );
        note(
            self.replay_status != contract.replay_status,
            format!("a replay is answered {}, not 200", self.replay_status),
        );
        note(
            !self.marks_replays,
            "a replay does not carry Idempotent-Replayed: true".to_owned(),
        );
        note(
            !self.replays_location,
            "a replay does not carry Location".to_owned(),
        );
        note(
            self.mismatch_status != contract.mismatch_status,
            format!(
                "a different payload is answered {}, not 409",
                self.mismatch_status
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

/// The attempts of the first `contract` case: one key, one request at a time.
fn attempts_at_rest(attempts: &[Attempt]) -> Vec<&Attempt> {
    let mut placements = attempts.iter().filter(|attempt| {
        let invoked = &attempt.invoked;
        invoked.scenario == Scenario::Contract && invoked.kind == RequestKind::Place
    });
    let accepted = placements
        .clone()
        .find(|attempt| attempt.accepted().is_some());
    let Some(first) = accepted.or_else(|| placements.next()) else {
        return Vec::new();
    };
    attempts
        .iter()
        .filter(|attempt| {
            let invoked = &attempt.invoked;
            invoked.key == first.invoked.key && invoked.kind == RequestKind::Place && !invoked.drain
        })
        .collect()
}

/// Checks that the target takes orders at all; if not, the error says why.
pub(crate) fn speaks_contract(attempts: &[Attempt], target: &str) -> Result<(), String> {
    let at_rest = attempts_at_rest(attempts);
    if at_rest.iter().any(|attempt| attempt.accepted().is_some()) {
        return Ok(());
    }
    let Some(first) = at_rest.first() else {
        return Err("no order was sent".to_owned());
    };
    Err(match (first.answer(), &first.outcome.error) {
        (Some(answer), _) => format!(
            "the target does not speak the contract: POST {target}/orders answered {} {:?}",
            answer.status,
            answer.body.chars().take(120).collect::<String>()
        ),
        (None, Some(error)) => format!("no usable answer from {target}: {error}"),
        (None, None) => format!("no answer from {target}"),
    })
}
