//! Failures.

use orders::db::ErrorClass;

use crate::action::Action;
use crate::case::{Case, Engine};
use crate::commit::Phase;
use crate::executor::Client;
use crate::lane::{Lane, Step};
use crate::mutation::Mutation;
use crate::state::{Session, State};

/// A failure. The number is that of a client or an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A client hangs up, or its answer is lost.
    GiveUp(u8),
    /// The deadline of a client's request passes.
    Deadline(u8),
    /// A statement waits for a row for longer than the lock wait (PostgreSQL).
    LockTimeout(u8),
    /// A transaction, or the statement after it, loses a conflict: serialization failure, deadlock
    /// outside the keys, busy SQLite file.
    Conflict(u8),
    /// The server reports an internal error (PostgreSQL).
    Internal(u8),
    /// A connection is lost or given up. What runs on it may go on.
    ConnectionLost(u8),
    /// An instance dies and is started again.
    Crash(u8),
    /// The database dies with everything that is not committed, and recovers.
    DatabaseRestarts,
}

impl State {
    /// Something fails.
    pub(crate) fn strike(&mut self, case: &Case, fault: Fault) {
        self.faults -= 1;
        match fault {
            Fault::GiveUp(client) => self.give_up(client),
            Fault::Deadline(client) => self.expire(client),
            Fault::LockTimeout(instance) => {
                self.fail(case, Session::Lane(instance), ErrorClass::Locked);
            }
            Fault::Conflict(instance) => {
                self.fail(case, Session::Lane(instance), ErrorClass::Retry);
            }
            Fault::Internal(instance) => self.internal_error(case, instance),
            Fault::ConnectionLost(instance) => self.connection_lost(case, instance),
            Fault::Crash(instance) => self.crash(case, instance),
            Fault::DatabaseRestarts => self.database_restarts(case),
        }
    }

    /// Rolls a transaction back and tells its lane why.
    pub(crate) fn fail(&mut self, case: &Case, session: Session, class: ErrorClass) {
        match session {
            Session::Orphan(index) => {
                self.database.orphans.remove(usize::from(index));
            }
            Session::Lane(index) => {
                let answers = self.lanes[usize::from(index)].failed(case, class);
                self.deliver(answers);
            }
        }
    }

    /// Reported at COMMIT, it leaves the outcome unknown.
    fn internal_error(&mut self, case: &Case, instance: u8) {
        if self.commits(instance) {
            self.orphan(case, instance);
        }
        self.fail(case, Session::Lane(instance), ErrorClass::Internal);
    }

    fn connection_lost(&mut self, case: &Case, instance: u8) {
        let commits = self.commits(instance);
        self.orphan(case, instance);
        if commits && case.protocol.has(Mutation::UnknownIsCommitted) {
            self.lanes[usize::from(instance)].acknowledge();
        } else {
            self.fail(case, Session::Lane(instance), ErrorClass::Unavailable);
        }
    }

    /// Whether a lane waits for COMMIT.
    fn commits(&self, instance: u8) -> bool {
        let transaction = self.transaction(Session::Lane(instance));
        transaction.is_some_and(|transaction| transaction.phase == Phase::Commit)
    }

    /// The transaction of a lane, if there is one, goes on without it.
    fn orphan(&mut self, case: &Case, instance: u8) {
        let lane = &self.lanes[usize::from(instance)];
        if let Step::Transaction(_, _, transaction) = &lane.step {
            self.database.orphan(case.engine, transaction.clone());
        }
    }

    fn crash(&mut self, case: &Case, instance: u8) {
        self.orphan(case, instance);
        self.lanes[usize::from(instance)] = Lane::new(case);
        for client in 0.. {
            match self.clients.get(usize::from(client)) {
                None => break,
                Some(Client::Waiting { instance: of, .. }) if *of == instance => {
                    self.give_up(client);
                }
                Some(_) => {}
            }
        }
    }

    fn database_restarts(&mut self, case: &Case) {
        self.database.orphans.clear();
        for instance in 0..case.instances {
            self.fail(case, Session::Lane(instance), ErrorClass::Unavailable);
        }
    }
}

impl Case {
    /// The failures that are possible in a state.
    pub(crate) fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let mut faults = Vec::new();
        for (client, now) in (0..).zip(&state.clients) {
            if matches!(now, Client::Waiting { .. }) {
                faults.extend([Fault::GiveUp(client), Fault::Deadline(client)]);
            }
        }
        let untouched = Lane::new(self);
        for (instance, lane) in (0..).zip(&state.lanes) {
            if lane.step != Step::Idle {
                faults.extend([Fault::Conflict(instance), Fault::ConnectionLost(instance)]);
                if self.engine == Engine::Postgres {
                    faults.push(Fault::Internal(instance));
                }
            }
            if self.may_time_out(state, instance) {
                faults.push(Fault::LockTimeout(instance));
            }
            if *lane != untouched {
                faults.push(Fault::Crash(instance));
            }
        }
        let idle = |lane: &Lane| lane.step == Step::Idle;
        if !(state.lanes.iter().all(idle) && state.database.orphans.is_empty()) {
            faults.push(Fault::DatabaseRestarts);
        }
        actions.extend(faults.into_iter().map(Action::Fault));
    }

    /// Whether a lane may wait for a row: a key, or a row of an operation. On SQLite nothing waits
    /// for a row; a busy file is a conflict.
    fn may_time_out(&self, state: &State, instance: u8) -> bool {
        let session = Session::Lane(instance);
        let transaction = state.transaction(session);
        let applies = transaction.is_some_and(|transaction| transaction.phase == Phase::Apply);
        self.engine == Engine::Postgres && (applies || state.waits_for(self, session).is_some())
    }
}
