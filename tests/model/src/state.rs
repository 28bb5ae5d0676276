//! Everything that is the case at one moment.

use std::collections::BTreeSet;

use crate::batch::Resource;
use crate::case::Case;
use crate::database::{Database, Transaction};
use crate::executor::{Answer, Client};
use crate::lane::{Lane, Step};

/// One state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The clients.
    pub clients: Vec<Client>,
    /// The lanes of the instances.
    pub lanes: Vec<Lane>,
    /// The database.
    pub database: Database,
    /// Every answer that was ever given, also to clients that had gone. No part of the system:
    /// the promises are about it.
    pub answers: BTreeSet<(Resource, Answer)>,
    /// How many failures may still happen.
    pub faults: u8,
    /// How many rows may still be swept.
    pub sweeps: u8,
}

/// Whose transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The lane of an instance listens to it.
    Lane(u8),
    /// Nobody listens: its connection is lost.
    Orphan(u8),
}

impl State {
    /// Before anything.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        Self {
            clients: vec![Client::Ready { attempt: 0 }; case.clients.len()],
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

    /// The transactions that run.
    pub fn transactions(&self) -> impl Iterator<Item = (Who, &Transaction)> {
        let lanes = (0..).zip(&self.lanes).filter_map(|(index, lane)| {
            let Step::Transaction(_, _, transaction) = &lane.step else {
                return None;
            };
            Some((Who::Lane(index), transaction))
        });
        let orphans = (0..).zip(&self.database.orphans);
        lanes.chain(orphans.map(|(index, transaction)| (Who::Orphan(index), transaction)))
    }

    /// One of them.
    #[must_use]
    pub fn transaction(&self, who: Who) -> Option<&Transaction> {
        match who {
            Who::Orphan(index) => self.database.orphans.get(usize::from(index)),
            Who::Lane(index) => match &self.lanes[usize::from(index)].step {
                Step::Transaction(_, _, transaction) => Some(transaction),
                _ => None,
            },
        }
    }

    /// One of them, to be changed.
    pub(crate) fn transaction_mut(&mut self, who: Who) -> Option<&mut Transaction> {
        match who {
            Who::Orphan(index) => self.database.orphans.get_mut(usize::from(index)),
            Who::Lane(index) => match &mut self.lanes[usize::from(index)].step {
                Step::Transaction(_, _, transaction) => Some(transaction),
                _ => None,
            },
        }
    }

    /// Nothing runs and nothing waits.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let idle = |lane: &Lane| lane.step == Step::Idle && !lane.can_attempt();
        self.lanes.iter().all(idle) && self.database.orphans.is_empty()
    }

    /// Every client has an answer that is final.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.clients.iter().all(|client| *client == Client::Done)
    }
}
