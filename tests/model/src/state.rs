//! A state of the model.

use std::collections::BTreeSet;

use crate::case::Case;
use crate::commit::Transaction;
use crate::database::Database;
use crate::executor::{Answer, Client};
use crate::lane::{Lane, Step};
use crate::request::Resource;

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The clients.
    pub clients: Vec<Client>,
    /// The lanes, one per instance.
    pub lanes: Vec<Lane>,
    /// The database.
    pub database: Database,
    /// Every answer that was given, also to clients that had gone. Not a part of the system: the
    /// promises are about it.
    pub answers: BTreeSet<(Resource, Answer)>,
    /// How many failures may still happen.
    pub faults: u8,
    /// How many rows may still be swept.
    pub sweeps: u8,
}

/// A database session that runs a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Session {
    /// The session of a lane.
    Lane(u8),
    /// A session whose client is gone.
    Orphan(u8),
}

impl State {
    /// The initial state.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        Self {
            clients: vec![Client::UNSENT; case.clients.len()],
            lanes: (0..case.instances).map(|_| Lane::new(case)).collect(),
            database: Database {
                rows: vec![None; case.keys()],
                orders: BTreeSet::new(),
                swept: BTreeSet::new(),
                orphans: Vec::new(),
            },
            answers: BTreeSet::new(),
            faults: case.faults,
            sweeps: case.sweeps,
        }
    }

    /// The open transactions.
    pub fn transactions(&self) -> impl Iterator<Item = (Session, &Transaction)> {
        let lanes = (0..).zip(&self.lanes).filter_map(|(index, lane)| {
            let Step::Transaction(_, _, transaction) = &lane.step else {
                return None;
            };
            Some((Session::Lane(index), transaction))
        });
        let orphans = (0..).zip(&self.database.orphans);
        lanes.chain(orphans.map(|(index, transaction)| (Session::Orphan(index), transaction)))
    }

    /// The open transaction of a session.
    #[must_use]
    pub fn transaction(&self, session: Session) -> Option<&Transaction> {
        match session {
            Session::Orphan(index) => self.database.orphans.get(usize::from(index)),
            Session::Lane(index) => match &self.lanes[usize::from(index)].step {
                Step::Transaction(_, _, transaction) => Some(transaction),
                _ => None,
            },
        }
    }

    /// The open transaction of a session, to be changed.
    pub(crate) fn transaction_mut(&mut self, session: Session) -> Option<&mut Transaction> {
        match session {
            Session::Orphan(index) => self.database.orphans.get_mut(usize::from(index)),
            Session::Lane(index) => match &mut self.lanes[usize::from(index)].step {
                Step::Transaction(_, _, transaction) => Some(transaction),
                _ => None,
            },
        }
    }

    /// Whether no request waits and no transaction is open.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let idle = |lane: &Lane| lane.step == Step::Idle && !lane.can_attempt();
        self.lanes.iter().all(idle) && self.database.orphans.is_empty()
    }

    /// Whether every client has a final answer.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.clients.iter().all(|client| *client == Client::Done)
    }
}
