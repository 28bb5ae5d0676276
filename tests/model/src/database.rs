//! The database: committed rows, locks, visibility.
//!
//! Every statement sees what was committed when it began. Nothing else is visible, but an
//! `INSERT … ON CONFLICT DO NOTHING` waits for a transaction that has inserted the same key and not
//! ended.

use std::collections::BTreeSet;

use crate::case::{Case, Engine};
use crate::commit::{Phase, Transaction};
use crate::mutation::Mutation;
use crate::request::{Key, Resource, Row};
use crate::state::{Session, State};

/// What is committed, and the transactions whose client is gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Database {
    /// Committed key rows, by key.
    pub rows: Vec<Option<Row>>,
    /// Committed orders.
    pub orders: BTreeSet<Resource>,
    /// Keys whose row was swept.
    pub swept: BTreeSet<Key>,
    /// Transactions whose client is gone.
    pub orphans: Vec<Transaction>,
}

impl Database {
    fn insert(&mut self, rows: &[Row]) {
        for row in rows {
            self.rows[usize::from(row.key)] = Some(*row);
        }
    }

    /// Makes a transaction visible.
    fn publish(&mut self, transaction: &Transaction) {
        self.insert(&transaction.inserted);
        self.orders.extend(&transaction.orders);
    }

    /// Adds a transaction whose client is gone.
    pub(crate) fn orphan(&mut self, engine: Engine, mut transaction: Transaction) {
        transaction.orphan();
        self.orphans.push(transaction);
        self.tidy(engine);
    }

    /// Drops orphans without locks and sorts the others: fewer states that differ in nothing.
    fn tidy(&mut self, engine: Engine) {
        self.orphans.retain(|orphan| !orphan.is_harmless(engine));
        self.orphans.sort();
    }

    /// [`Mutation::LateResponseAfterCommit`].
    pub(crate) fn store_late(&mut self, transaction: &Transaction) {
        self.insert(&transaction.written);
    }

    /// Whether a transaction holds the lock on a key: it has inserted the row and not committed it.
    fn is_locked(&self, key: Key, transaction: &Transaction) -> bool {
        let mut inserted = transaction.inserted.iter();
        inserted.any(|row| row.key == key && self.rows[usize::from(key)] != Some(*row))
    }
}

impl State {
    /// The session that a session waits for.
    #[must_use]
    pub fn waits_for(&self, case: &Case, session: Session) -> Option<Session> {
        let transaction = self.transaction(session)?;
        let others = self.transactions().filter(|(other, _)| *other != session);
        if transaction.phase == Phase::Begin {
            let mut writers = others.filter(|(_, other)| other.phase != Phase::Begin);
            return match case.engine {
                Engine::Sqlite => writers.next().map(|(writer, _)| writer),
                Engine::Postgres => None,
            };
        }
        if case.protocol.has(Mutation::ReadThenInsert) {
            return None;
        }
        let key = transaction.claimant()?.key;
        let mut holders = others.filter(|(_, other)| self.database.is_locked(key, other));
        holders.next().map(|(other, _)| other)
    }

    /// Whether a session waits for itself, by way of others.
    #[must_use]
    pub fn is_deadlocked(&self, case: &Case, session: Session) -> bool {
        let waits = std::iter::successors(Some(session), |next| self.waits_for(case, *next));
        waits.skip(1).take(16).any(|next| next == session)
    }

    /// Executes BEGIN.
    pub(crate) fn begin(&mut self, case: &Case, session: Session) {
        if let Some(transaction) = self.transaction_mut(session) {
            transaction.begin(case.protocol);
        }
        self.end_of_statement(case, session);
    }

    /// Claims one key.
    pub(crate) fn claim(&mut self, case: &Case, session: Session) {
        let rows = self.database.rows.clone();
        let Some(transaction) = self.transaction_mut(session) else {
            return;
        };
        transaction.claim(&rows, case.protocol);
        let claimed = transaction.claimant().is_none();
        if claimed && case.protocol.has(Mutation::TwoTransactions) {
            let inserted = transaction.inserted.clone();
            self.database.insert(&inserted);
        }
        if claimed {
            self.end_of_statement(case, session);
        }
    }

    /// A session without a client gets no other statement.
    fn end_of_statement(&mut self, case: &Case, session: Session) {
        if let (Session::Orphan(_), Some(orphan)) = (session, self.transaction_mut(session)) {
            orphan.abandon();
            self.database.tidy(case.engine);
        }
    }

    /// Executes COMMIT.
    pub(crate) fn commit(&mut self, session: Session) {
        let Some(transaction) = self.transaction(session).cloned() else {
            return;
        };
        self.database.publish(&transaction);
        match session {
            Session::Orphan(index) => {
                self.database.orphans.remove(usize::from(index));
            }
            Session::Lane(index) => self.lanes[usize::from(index)].acknowledge(),
        }
    }
}
