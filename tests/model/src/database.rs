//! The database: key rows, orders, transactions, and who waits for whom.
//!
//! What is committed is seen by every statement that begins afterwards. What is not, nobody sees,
//! but an `INSERT … ON CONFLICT DO NOTHING` of the same key waits for it.

use std::collections::BTreeSet;

use crate::batch::{Batch, Request, Resource, Row};
use crate::case::{Case, Engine, Key, Payload};
use crate::lane::LockWait;
use crate::mutation::Mutation;
use crate::state::{State, Who};

/// What is stored, and the transactions that nobody listens to any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// Committed key rows, by key.
    pub rows: Vec<Option<Row>>,
    /// Committed orders.
    pub orders: BTreeSet<Resource>,
    /// Keys whose row was swept once.
    pub swept: BTreeSet<Key>,
    /// Transactions whose connection is lost. Each may still go on, or be rolled back.
    pub orphans: Vec<Transaction>,
}

/// What a transaction does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Takes the write lock (SQLite).
    Begin,
    /// Inserts one key row.
    Claim {
        /// The ordinal of the claimant.
        next: u8,
    },
    /// Writes the orders of the winners.
    Effects,
    /// Makes all of it visible at once.
    Commit,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transaction {
    /// Where it is.
    pub phase: Phase,
    /// COMMIT is a message of its own. Otherwise it is one statement that commits by itself.
    pub stepwise: bool,
    /// Who wants a key, in the order of the keys.
    pub claimants: Vec<Request>,
    /// Who has inserted its row.
    pub won: Vec<Resource>,
    /// Orders it has written.
    pub effects: Vec<Resource>,
    /// The key rows when the statement began, if the protocol is broken enough to read them.
    pub snapshot: Option<Vec<Option<Row>>>,
}

impl Transaction {
    /// What the lane sends for a batch.
    pub(crate) fn new(
        case: &Case,
        batch: &Batch,
        lock_wait: LockWait,
        rows: &[Option<Row>],
    ) -> Self {
        let has = |mutation| case.protocol.has(mutation);
        let stepwise = case.engine == Engine::Sqlite
            || lock_wait == LockWait::Brief
            || has(Mutation::TwoTransactions);
        let phase = match case.engine {
            Engine::Sqlite => Phase::Begin,
            Engine::Postgres => Self::after_begin(case),
        };
        Self {
            phase,
            stepwise,
            claimants: batch.claimants().copied().collect(),
            won: Vec::new(),
            effects: Vec::new(),
            snapshot: has(Mutation::OldSnapshot).then(|| rows.to_vec()),
        }
    }

    fn after_begin(case: &Case) -> Phase {
        if case.protocol.has(Mutation::EffectsBeforeClaims) {
            Phase::Effects
        } else {
            Phase::Claim { next: 0 }
        }
    }

    /// Without its lane: the message that would take it further will never be sent.
    pub(crate) fn is_over(&self) -> bool {
        self.stepwise && self.phase != Phase::Commit
    }

    /// Who claims next.
    fn claimant(&self) -> Option<&Request> {
        match self.phase {
            Phase::Claim { next } => self.claimants.get(usize::from(next)),
            _ => None,
        }
    }

    /// Whether it has inserted the row of a key and not ended yet.
    fn holds(&self, key: Key) -> bool {
        let owner = self.claimants.iter().find(|request| request.key == key);
        owner.is_some_and(|request| self.won.contains(&request.resource))
    }
}

impl State {
    /// The transaction that this one waits for.
    #[must_use]
    pub fn waits_for(&self, case: &Case, who: Who) -> Option<Who> {
        let transaction = self.transaction(who)?;
        let mut others = self.transactions().filter(|(other, _)| *other != who);
        if transaction.phase == Phase::Begin {
            return others
                .find(|(_, other)| other.phase != Phase::Begin)
                .map(|(other, _)| other);
        }
        if case.protocol.has(Mutation::LookThenInsert) {
            return None;
        }
        let key = transaction.claimant()?.key;
        let committed = self.database.rows[usize::from(key)].map(|row| row.resource);
        others
            .find(|(_, other)| {
                other.holds(key) && !other.won.iter().any(|won| committed == Some(*won))
            })
            .map(|(other, _)| other)
    }

    /// Whether it waits for itself, by way of others.
    #[must_use]
    pub fn is_deadlocked(&self, case: &Case, who: Who) -> bool {
        let waits = std::iter::successors(Some(who), |next| self.waits_for(case, *next));
        waits.skip(1).take(16).any(|next| next == who)
    }

    /// `BEGIN IMMEDIATE`.
    pub(crate) fn begin(&mut self, case: &Case, who: Who) {
        if let Some(transaction) = self.transaction_mut(who) {
            transaction.phase = Transaction::after_begin(case);
        }
    }

    /// Inserts one key row, or does nothing where there is one, also if it was committed after
    /// the statement began.
    pub(crate) fn claim(&mut self, case: &Case, who: Who) {
        let rows = self.database.rows.clone();
        let Some(transaction) = self.transaction_mut(who) else {
            return;
        };
        let Phase::Claim { next } = transaction.phase else {
            return;
        };
        let request = transaction.claimants[usize::from(next)];
        if rows[usize::from(request.key)].is_none() {
            transaction.won.push(request.resource);
        }
        let next = next + 1;
        transaction.phase = if usize::from(next) < transaction.claimants.len() {
            Phase::Claim { next }
        } else if case.protocol.has(Mutation::EffectsBeforeClaims) {
            Phase::Commit
        } else {
            Phase::Effects
        };
        if transaction.phase == Phase::Effects && case.protocol.has(Mutation::TwoTransactions) {
            let claimed = transaction.clone();
            self.publish_rows(&claimed);
        }
    }

    /// Writes the orders of the winners. `false` if the database refuses one of them.
    pub(crate) fn effects(&mut self, case: &Case, who: Who) -> bool {
        let Some(transaction) = self.transaction_mut(who) else {
            return true;
        };
        let all = case.protocol.has(Mutation::EffectsBeforeClaims);
        let is_written = |request: &&Request| all || transaction.won.contains(&request.resource);
        let writers: Vec<Request> = transaction
            .claimants
            .iter()
            .filter(is_written)
            .copied()
            .collect();
        transaction.phase = if all {
            Phase::Claim { next: 0 }
        } else {
            Phase::Commit
        };
        transaction.effects = writers.iter().map(|request| request.resource).collect();
        !writers.iter().any(|r| r.payload == Payload::Poison)
    }

    /// Makes a transaction visible.
    pub(crate) fn publish(&mut self, transaction: &Transaction) {
        self.publish_rows(transaction);
        self.database.orders.extend(&transaction.effects);
    }

    fn publish_rows(&mut self, transaction: &Transaction) {
        let winners = transaction
            .claimants
            .iter()
            .filter(|request| transaction.won.contains(&request.resource));
        for request in winners {
            self.database.rows[usize::from(request.key)] = Some(request.row());
        }
    }
}
