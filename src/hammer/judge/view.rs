//! The history of a cycle, arranged by keys.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::dialect::Dialect;
use crate::hammer::contract::Contract;
use crate::hammer::history::{Answer, Attempt, Completion, CycleHistory, OracleKind, Order};
use crate::hammer::workload::{Fault, RequestKind, Scenario, Spelling, Variant};

/// Stored orders by normalized id.
pub(super) type StoredById<'a> = HashMap<String, &'a Order>;

/// Everything that is known of a cycle.
pub(super) struct CycleView<'a> {
    pub(super) history: &'a CycleHistory,
    pub(super) contract: &'a Contract,
    pub(super) keys: Vec<KeyView<'a>>,
    /// What the trusted oracle found. `None` if no oracle was read completely.
    pub(super) stored: Option<StoredById<'a>>,
}

/// Everything that is known of one key.
pub(super) struct KeyView<'a> {
    pub(super) key: &'a str,
    pub(super) scenario: Scenario,
    /// Its attempts, by the time they began.
    pub(super) attempts: Vec<&'a Attempt>,
    /// The orders stored under its items. `None` if no oracle was read completely.
    pub(super) orders: Option<Vec<&'a Order>>,
    /// All stored orders.
    pub(super) stored: Option<&'a StoredById<'a>>,
    /// How many keys asked for the same items.
    pub(super) sharers: usize,
    /// Whether the cycle was drained and the target still accepted fresh orders at its end.
    pub(super) drained: bool,
}

/// What makes two payloads of a key the same to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PayloadIdentity {
    variant: Variant,
    /// The spelling, if the target takes it for a different payload.
    pub(super) spelling: Option<Spelling>,
}

impl PayloadIdentity {
    /// The identity of the payload of `attempt`, in the dialect of the target.
    pub(super) fn of(attempt: &Attempt, dialect: &Dialect) -> Self {
        let spelling = attempt.invoked.spelling;
        let distinct =
            dialect.distinct_spellings.contains(&spelling) || spelling == Spelling::Broken;
        let variant = attempt.invoked.variant;
        Self {
            variant: if dialect.compares_payloads() {
                variant
            } else {
                Variant::First
            },
            spelling: distinct.then_some(spelling),
        }
    }
}

impl<'a> KeyView<'a> {
    /// The attempts to place a valid order.
    pub(super) fn placements(&self) -> impl Iterator<Item = &'a Attempt> + '_ {
        self.attempts
            .iter()
            .copied()
            .filter(|attempt| attempt.invoked.kind == RequestKind::Place)
    }

    /// The placements whose order was acknowledged, by the time of the answer.
    pub(super) fn accepted(&self) -> Vec<(&'a Attempt, &'a Answer)> {
        let mut accepted: Vec<_> = self
            .placements()
            .filter_map(|attempt| Some((attempt, attempt.accepted()?)))
            .collect();
        accepted.sort_by_key(|(attempt, _)| attempt.outcome.t);
        accepted
    }

    /// How many answers say that something was made under the key, now or before.
    pub(super) fn settled(&self, dialect: &Dialect) -> usize {
        let answered = self.answered();
        answered
            .filter(|(attempt, answer)| dialect.settles(attempt, answer))
            .count()
    }

    /// The placements that were answered at all.
    pub(super) fn answered(&self) -> impl Iterator<Item = (&'a Attempt, &'a Answer)> + '_ {
        self.placements()
            .filter_map(|attempt| Some((attempt, attempt.answer()?)))
    }

    /// The payload that was accepted first, or else the only one.
    pub(super) fn winner(&self, dialect: &Dialect) -> Option<PayloadIdentity> {
        let accepted = self.accepted();
        let first = accepted.first();
        first
            .map(|(attempt, _)| PayloadIdentity::of(attempt, dialect))
            .or_else(|| self.only_payload(dialect))
    }

    /// The payload of the key, if it was used with only one.
    pub(super) fn only_payload(&self, dialect: &Dialect) -> Option<PayloadIdentity> {
        let payloads: HashSet<PayloadIdentity> = self
            .placements()
            .map(|attempt| PayloadIdentity::of(attempt, dialect))
            .collect();
        match payloads.len() {
            1 => payloads.into_iter().next(),
            _ => None,
        }
    }

    /// Whether an invalid body was sent under the key, which a lax target may have accepted.
    pub(super) fn had_invalid_body(&self) -> bool {
        let invalid = |attempt: &&Attempt| attempt.invoked.kind == RequestKind::BadBody;
        self.attempts.iter().any(invalid)
    }

    /// Whether the target accepted an invalid body under the key, or may have done so, which then has two payloads.
    pub(super) fn accepted_invalid_body(&self) -> bool {
        let invalid = |attempt: &&Attempt| attempt.invoked.kind == RequestKind::BadBody;
        let mut invalid = self.attempts.iter().copied().filter(invalid);
        let lost = |attempt: &Attempt| {
            attempt.completion == Completion::Unknown && attempt.answer().is_none()
        };
        invalid.any(|attempt| attempt.accepted().is_some() || lost(attempt))
    }

    /// Whether a process fault was planned while the key was used.
    pub(super) fn met_process_fault(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.invoked.during_process_fault)
    }

    /// Whether the target may have sent an answer that is not in the history.
    pub(super) fn may_have_lost_answers(&self) -> bool {
        self.attempts.iter().any(|attempt| {
            attempt.completion == Completion::Unknown || attempt.invoked.fault != Fault::None
        })
    }
}

/// Normalizes an order id: databases differ in the dashes and the case of a UUID.
pub(super) fn normalize_id(id: &str) -> String {
    let is_uuid = id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') && id.len() >= 32;
    if is_uuid {
        id.replace('-', "").to_ascii_lowercase()
    } else {
        id.to_owned()
    }
}

/// The trusted oracle: the first one that was read completely.
pub(super) fn trusted_oracle(history: &CycleHistory) -> Option<OracleKind> {
    history
        .reads
        .iter()
        .find(|read| read.error.is_none())
        .map(|read| read.oracle)
}

/// What the trusted oracle found.
pub(super) fn stored(history: &CycleHistory) -> Option<StoredById<'_>> {
    let oracle = trusted_oracle(history)?;
    let found = history.stored.iter().filter(|found| found.oracle == oracle);
    let orders = found.map(|found| &found.order);
    Some(
        orders
            .map(|order| (normalize_id(&order.id), order))
            .collect(),
    )
}

/// Arranges a cycle by its keys.
pub(super) fn by_key<'a>(
    history: &'a CycleHistory,
    stored: Option<&'a StoredById<'a>>,
    contract: &Contract,
) -> Vec<KeyView<'a>> {
    let mut attempts: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    let mut keys_by_item: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for attempt in &history.attempts {
        let invoked = &attempt.invoked;
        attempts.entry(&invoked.key).or_default().push(attempt);
        keys_by_item
            .entry(&invoked.item)
            .or_default()
            .insert(&invoked.key);
    }
    let texts = |attempt: &Attempt| {
        contract
            .request
            .body
            .marker_texts(&attempt.invoked.payload())
    };
    let mut orders: HashMap<&str, Vec<&Order>> = HashMap::new();
    for order in stored.into_iter().flat_map(HashMap::values) {
        orders.entry(&order.item).or_default().push(order);
    }
    let cycle = history.cycle.as_ref();
    let drained = cycle.is_some_and(|cycle| cycle.accepts_orders && !cycle.interrupted);
    let view = |(key, mut attempts): (&'a str, Vec<&'a Attempt>)| {
        attempts.sort_by_key(|attempt| attempt.invoked.t);
        let items: BTreeSet<&str> = attempts
            .iter()
            .map(|attempt| attempt.invoked.item.as_str())
            .collect();
        let own_orders = || {
            let texts: BTreeSet<String> = attempts.iter().flat_map(|one| texts(one)).collect();
            let found = texts.iter().filter_map(|text| orders.get(text.as_str()));
            found.flatten().copied().collect()
        };
        KeyView {
            key,
            scenario: attempts[0].invoked.scenario,
            orders: stored.map(|_| own_orders()),
            stored,
            sharers: items
                .iter()
                .map(|item| keys_by_item[item].len())
                .max()
                .unwrap_or(1),
            drained,
            attempts,
        }
    };
    attempts.into_iter().map(view).collect()
}
