//! A history, arranged by keys.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::dialect::Dialect;
use crate::hammer::history::{Answer, Attempt, Completion, CycleHistory, Order};
use crate::hammer::workload::{Fault, RequestKind, Spelling};

/// Everything that is known of a cycle.
pub(super) struct CycleView<'a> {
    pub(super) history: &'a CycleHistory,
    pub(super) keys: Vec<KeyView<'a>>,
    /// What the most trusted complete oracle found, by normalised id.
    pub(super) stored: Option<HashMap<String, &'a Order>>,
}

/// Everything that is known of one key.
pub(super) struct KeyView<'a> {
    pub(super) key: &'a str,
    pub(super) scenario: &'a str,
    /// In the order in which they began.
    pub(super) attempts: Vec<&'a Attempt>,
    /// What is stored under its items; nothing is known where no oracle was read to its end.
    pub(super) orders: Option<Vec<&'a Order>>,
    /// The ids of everything that is stored.
    pub(super) stored: Option<&'a HashMap<String, &'a Order>>,
    /// How many keys asked for the same items.
    pub(super) sharers: usize,
    /// Whether the target still took fresh orders at the end, and was asked for everything again.
    pub(super) ended_well: bool,
}

/// What makes two requests the same to the target.
pub(super) type Kind = (u8, Option<Spelling>);

impl<'a> KeyView<'a> {
    /// The attempts to place an order.
    pub(super) fn places(&self) -> impl Iterator<Item = &'a Attempt> + '_ {
        self.attempts
            .iter()
            .copied()
            .filter(|attempt| attempt.invoked.kind == RequestKind::Place)
    }

    /// The 2xx answers to them, in the order in which they came.
    pub(super) fn accepted(&self) -> Vec<(&'a Attempt, &'a Answer)> {
        let mut accepted: Vec<_> = self
            .places()
            .filter_map(|attempt| Some((attempt, attempt.accepted()?)))
            .collect();
        accepted.sort_by_key(|(attempt, _)| attempt.outcome.t);
        accepted
    }

    /// All answers to them.
    pub(super) fn answered(&self) -> impl Iterator<Item = (&'a Attempt, &'a Answer)> + '_ {
        self.places()
            .filter_map(|attempt| Some((attempt, attempt.answer()?)))
    }

    /// The payload that was accepted first.
    pub(super) fn winner(&self, dialect: &Dialect) -> Option<Kind> {
        let first = self
            .accepted()
            .first()
            .map(|(attempt, _)| kind(attempt, dialect));
        first.or_else(|| self.only_kind(dialect))
    }

    /// The payload of the key, if there was never another.
    pub(super) fn only_kind(&self, dialect: &Dialect) -> Option<Kind> {
        let kinds: HashSet<Kind> = self
            .places()
            .map(|attempt| kind(attempt, dialect))
            .collect();
        match kinds.len() {
            1 => kinds.into_iter().next(),
            _ => None,
        }
    }

    /// Whether an invalid body came under the key: a lax target has taken it for the first one.
    pub(super) fn was_misused(&self) -> bool {
        let bad = |attempt: &&Attempt| attempt.invoked.kind == RequestKind::BadBody;
        self.attempts.iter().any(bad)
    }

    /// Whether a process was struck while the key was used.
    pub(super) fn met_process_fault(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| attempt.invoked.during_process_fault)
    }

    /// Whether the target may have answered something that nobody saw.
    pub(super) fn has_secrets(&self) -> bool {
        self.attempts.iter().any(|attempt| {
            attempt.completion == Completion::Unknown || attempt.invoked.fault != Fault::None
        })
    }
}

/// What makes an attempt the same request as another, by the dialect of this target.
pub(super) fn kind(attempt: &Attempt, dialect: &Dialect) -> Kind {
    let spelling = attempt.invoked.spelling;
    let foreign = dialect.foreign.contains(&spelling) || spelling == Spelling::Broken;
    (attempt.invoked.payload, foreign.then_some(spelling))
}

/// An id as all oracles write it: databases differ in dashes and case of a UUID.
pub(super) fn normal(id: &str) -> String {
    let is_uuid = id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') && id.len() >= 32;
    if is_uuid {
        id.replace('-', "").to_ascii_lowercase()
    } else {
        id.to_owned()
    }
}

/// The oracle to believe: the first one that was read to its end.
pub(super) fn trusted(history: &CycleHistory) -> Option<&str> {
    history
        .reads
        .iter()
        .find(|read| read.trouble.is_none())
        .map(|read| read.oracle.as_str())
}

/// What the trusted oracle found, by id.
pub(super) fn stored(history: &CycleHistory) -> Option<HashMap<String, &Order>> {
    let oracle = trusted(history)?;
    let found = history.stored.iter().filter(|order| order.oracle == oracle);
    Some(found.map(|order| (normal(&order.id), order)).collect())
}

/// Arranges a cycle by its keys.
pub(super) fn by_key<'a>(
    history: &'a CycleHistory,
    stored: Option<&'a HashMap<String, &'a Order>>,
) -> Vec<KeyView<'a>> {
    let mut attempts: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
    let mut askers: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    for attempt in &history.attempts {
        let asked = &attempt.invoked;
        attempts.entry(&asked.key).or_default().push(attempt);
        askers.entry(&asked.item).or_default().insert(&asked.key);
    }
    let mut orders: HashMap<&str, Vec<&Order>> = HashMap::new();
    for order in stored.into_iter().flat_map(HashMap::values) {
        orders.entry(&order.item).or_default().push(order);
    }
    let cycle = history.cycle.as_ref();
    let ended_well = cycle.is_some_and(|cycle| cycle.alive && !cycle.interrupted);
    let view = |(key, mut attempts): (&'a str, Vec<&'a Attempt>)| {
        attempts.sort_by_key(|attempt| attempt.invoked.t);
        let items: BTreeSet<&str> = attempts
            .iter()
            .map(|one| one.invoked.item.as_str())
            .collect();
        let mine = || {
            items
                .iter()
                .filter_map(|item| orders.get(item))
                .flatten()
                .copied()
        };
        KeyView {
            key,
            scenario: &attempts[0].invoked.scenario,
            orders: stored.map(|_| mine().collect()),
            stored,
            sharers: items
                .iter()
                .map(|item| askers[item].len())
                .max()
                .unwrap_or(1),
            ended_well,
            attempts,
        }
    };
    attempts.into_iter().map(view).collect()
}
