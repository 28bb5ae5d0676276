//! The dialect of a target: which of the choices that the contract leaves open it has made.
//!
//! Learned from the answers at rest, so that the same dialect can be asked of it under fire. A
//! choice that gives up the promise itself is not among them.

use crate::hammer::history::{Answer, Attempt};
use crate::hammer::workload::{RequestKind, Spelling};

/// The learned choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Status of a fresh answer; the contract says 201.
    pub(crate) fresh: u16,
    /// Status of a replay; the contract says 200.
    pub(crate) replay: u16,
    /// Whether replays say `Idempotent-Replayed: true`, as the contract wants.
    pub(crate) marker: bool,
    /// Whether replays carry `Location`, as the contract wants.
    pub(crate) location: bool,
    /// Status of another payload; the contract says 409.
    pub(crate) mismatch: u16,
    /// The spellings that are not taken for the same payload; the contract says none.
    pub(crate) foreign: Vec<Spelling>,
    /// How long a key may stay unresolved after everything is healed.
    pub(crate) settle_ms: u64,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            fresh: 201,
            replay: 200,
            marker: true,
            location: true,
            mismatch: 409,
            foreign: Vec::new(),
            settle_ms: 2000,
        }
    }
}

impl Dialect {
    /// What the answers at rest teach. What they do not teach is as the contract says.
    pub(crate) fn learn(attempts: &[Attempt], settle_ms: u64) -> Self {
        let mut dialect = Self {
            settle_ms,
            ..Self::default()
        };
        let asked = at_rest(attempts);
        let mut plain = asked
            .iter()
            .filter(|one| one.invoked.payload == 0 && one.invoked.spelling == Spelling::Plain)
            .filter_map(|one| one.accepted());
        if let Some(first) = plain.next() {
            dialect.fresh = first.status;
        }
        if let Some(replay) = plain.next() {
            dialect.replay = replay.status;
            dialect.marker = replay.replayed;
            dialect.location = replay.location.is_some();
        }
        for attempt in &asked {
            let Some(answer) = attempt.answer() else {
                continue;
            };
            let refused = (400..500).contains(&answer.status);
            if attempt.invoked.payload != 0 && matches!(answer.status, 409 | 422) {
                dialect.mismatch = answer.status;
            } else if attempt.invoked.spelling != Spelling::Plain && refused {
                dialect.foreign.push(attempt.invoked.spelling);
            }
        }
        dialect
    }

    /// Whether fresh answers can be told from replays.
    pub(super) fn tells_fresh(&self) -> bool {
        self.marker || self.fresh != self.replay
    }

    /// Whether an answer looks like the first one.
    pub(super) fn is_fresh(&self, answer: &Answer) -> bool {
        answer.status == self.fresh && !answer.replayed
    }

    /// Where the target differs from the letter of the contract, in words.
    pub(crate) fn choices(&self) -> Vec<String> {
        let contract = Self::default();
        let mut choices = Vec::new();
        let mut note = |differs: bool, words: String| {
            if differs {
                choices.push(words);
            }
        };
        note(
            self.fresh != contract.fresh,
            format!("a new order is answered {}, not 201", self.fresh),
        );
        note(
            self.replay != contract.replay,
            format!("a replay is answered {}, not 200", self.replay),
        );
        note(
            !self.marker,
            "a replay does not say Idempotent-Replayed: true".to_owned(),
        );
        note(!self.location, "a replay has no Location".to_owned());
        note(
            self.mismatch != contract.mismatch,
            format!("another payload is answered {}, not 409", self.mismatch),
        );
        note(
            !self.foreign.is_empty(),
            format!(
                "the same JSON in another spelling is another payload: {:?}",
                self.foreign
            ),
        );
        choices
    }
}

/// The first questions to the contract: one key, one request at a time.
fn at_rest(attempts: &[Attempt]) -> Vec<&Attempt> {
    let mut asked = attempts
        .iter()
        .filter(|one| one.invoked.scenario == "contract" && one.invoked.kind == RequestKind::Place);
    let accepted = asked.clone().find(|one| one.accepted().is_some());
    let first = accepted.or_else(|| asked.next());
    let Some(first) = first else {
        return Vec::new();
    };
    attempts
        .iter()
        .filter(|one| {
            one.invoked.key == first.invoked.key && one.invoked.kind == RequestKind::Place
        })
        .filter(|one| !one.invoked.drain)
        .collect()
}

/// Whether the target takes orders at all; if not, why, in a sentence.
pub(crate) fn speaks_contract(attempts: &[Attempt], target: &str) -> Result<(), String> {
    let asked = at_rest(attempts);
    if asked.iter().any(|one| one.accepted().is_some()) {
        return Ok(());
    }
    let Some(first) = asked.first() else {
        return Err("the contract was never asked about".to_owned());
    };
    Err(match (first.answer(), &first.outcome.error) {
        (Some(answer), _) => format!(
            "the target does not speak the contract: POST {target}/orders answered {} {:?}",
            answer.status,
            answer.body.chars().take(120).collect::<String>()
        ),
        (None, Some(error)) => format!("nothing usable answers at {target}: {error}"),
        (None, None) => format!("nothing answers at {target}"),
    })
}
