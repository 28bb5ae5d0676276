//! The steps of one transaction. A model of `src/idempotency/commit.rs`.

use orders::idempotency::batch::{Batch, Claim};

use crate::case::{Case, Engine};
use crate::mutation::{Mutation, Protocol};
use crate::request::{Payload, Request, Resource, Response, Row};

/// The message that a session executes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// BEGIN. Takes the write lock on SQLite, and nothing on PostgreSQL.
    Begin,
    /// The statement that inserts the key rows, one row at a time.
    Claim {
        /// Index of the claimant whose row is next.
        next: u8,
    },
    /// The operations of the winners.
    Apply,
    /// The statement that stores late responses. Skipped if there are none.
    StoreLate,
    /// COMMIT.
    Commit,
    /// None: the client is gone before COMMIT. The locks are held until the database notices.
    Abandoned,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transaction {
    /// The next step.
    pub phase: Phase,
    /// The requests that claim a key, in the order of their claims.
    pub claimants: Vec<Request>,
    /// The key rows that it has inserted, as they are stored.
    pub inserted: Vec<Row>,
    /// The key rows of the winners with the response that the operation gave. The lane has them in
    /// memory.
    pub written: Vec<Row>,
    /// The orders that it has stored.
    pub orders: Vec<Resource>,
    /// The committed key rows at the time of the claims, for [`Mutation::OldSnapshot`].
    pub snapshot: Option<Vec<Option<Row>>>,
}

impl Transaction {
    pub(crate) fn new(case: &Case, batch: &Batch<Request>, rows: &[Option<Row>]) -> Self {
        Self {
            phase: Phase::Begin,
            claimants: batch.claimants().into_iter().copied().collect(),
            inserted: Vec::new(),
            written: Vec::new(),
            orders: Vec::new(),
            snapshot: case
                .protocol
                .has(Mutation::OldSnapshot)
                .then(|| rows.to_vec()),
        }
    }

    /// The request that claims its key next.
    pub(crate) fn claimant(&self) -> Option<&Request> {
        match self.phase {
            Phase::Claim { next } => self.claimants.get(usize::from(next)),
            _ => None,
        }
    }

    /// Executes BEGIN.
    pub(crate) fn begin(&mut self, protocol: Protocol) {
        self.phase = if protocol.has(Mutation::ApplyBeforeClaim) {
            Phase::Apply
        } else {
            Phase::Claim { next: 0 }
        };
    }

    /// Inserts one key row, or does nothing if there is one, even if it was committed after the
    /// statement had begun.
    pub(crate) fn claim(&mut self, rows: &[Option<Row>], protocol: Protocol) {
        let Phase::Claim { next } = self.phase else {
            return;
        };
        let claimant = self.claimants[usize::from(next)];
        let mut inserted = self.inserted.iter();
        let is_there = rows[usize::from(claimant.key)].is_some()
            || inserted.any(|row| row.key == claimant.key);
        if !is_there {
            self.inserted.push(claimant.row());
        }
        self.phase = if usize::from(next) + 1 < self.claimants.len() {
            Phase::Claim { next: next + 1 }
        } else if protocol.has(Mutation::ApplyBeforeClaim) {
            self.written.clone_from(&self.inserted);
            Phase::Commit
        } else if self.inserted.is_empty() {
            Phase::Commit
        } else {
            Phase::Apply
        };
    }

    /// Whether the operation may refuse one of the winners.
    pub(crate) fn may_refuse(&self) -> bool {
        let mut winners = self.inserted.iter();
        self.phase == Phase::Apply && winners.any(|row| row.payload == Payload::Scarce)
    }

    /// Applies the operations of the winners. Scarce ones are refused if `refuse` says so: their
    /// effects are rolled back to the savepoint. Returns `false` if the database rejects a row.
    pub(crate) fn apply(&mut self, refuse: bool, protocol: Protocol) -> bool {
        if protocol.has(Mutation::ApplyBeforeClaim) {
            let everyone = self.claimants.iter();
            self.orders = everyone.map(|request| request.resource).collect();
            self.phase = Phase::Claim { next: 0 };
            return true;
        }
        let mut winners = self.inserted.iter();
        if winners.any(|row| row.payload == Payload::Poison) {
            return false;
        }
        for row in &self.inserted {
            let refused = refuse && row.payload == Payload::Scarce;
            let response = if refused {
                Response::Refused
            } else {
                Response::Accepted
            };
            self.written.push(Row {
                response: Some(response),
                ..*row
            });
            if !refused || protocol.has(Mutation::RefusedEffectsRemain) {
                self.orders.push(row.resource);
            }
        }
        let late = self.written != self.inserted;
        self.phase = if late && !protocol.has(Mutation::LateResponseAfterCommit) {
            Phase::StoreLate
        } else {
            Phase::Commit
        };
        true
    }

    /// Completes the rows whose response was not known when the keys were claimed.
    pub(crate) fn store_late(&mut self) {
        self.inserted.clone_from(&self.written);
        self.phase = Phase::Commit;
    }

    /// The client is gone. The session finishes the statement that it executes, which may take more
    /// locks, and receives no other.
    pub(crate) fn orphan(&mut self) {
        match self.phase {
            Phase::Begin | Phase::Claim { .. } | Phase::Commit | Phase::Abandoned => {}
            Phase::Apply | Phase::StoreLate => self.abandon(),
        }
    }

    /// Whether it holds no lock and never will.
    pub(crate) fn is_harmless(&self, engine: Engine) -> bool {
        match (engine, self.phase) {
            (Engine::Postgres, Phase::Begin) => true,
            (Engine::Postgres, Phase::Abandoned) => self.inserted.is_empty(),
            _ => false,
        }
    }

    /// Forgets everything but the locks.
    pub(crate) fn abandon(&mut self) {
        self.phase = Phase::Abandoned;
        self.claimants.clear();
        self.written.clear();
        self.orders.clear();
        self.snapshot = None;
    }

    /// Reads the rows of the keys that were not won, and returns one claim per claimant. `rows` is
    /// what a statement sees that begins after COMMIT.
    pub(crate) fn read_losers(&self, rows: &[Option<Row>], protocol: Protocol) -> Vec<Claim<Row>> {
        let rows = self.snapshot.as_deref().unwrap_or(rows);
        let claim = |request: &Request| {
            let mut written = self.written.iter();
            if let Some(row) = written.find(|row| row.resource == request.resource) {
                return Claim::Won(*row);
            }
            match rows[usize::from(request.key)] {
                Some(_) if protocol.has(Mutation::LosersNotRead) => Claim::Lost(request.row()),
                Some(row) => Claim::Lost(row),
                None if protocol.has(Mutation::MissingIsWon) => Claim::Won(request.row()),
                None => Claim::Vanished,
            }
        };
        self.claimants.iter().map(claim).collect()
    }
}
