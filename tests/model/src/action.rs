//! The steps of the model.

use orders::db::ErrorClass;
use stateright::{Model, Property};

use crate::case::Case;
use crate::executor::Answer;
use crate::fault::Fault;
use crate::lane::Step;
use crate::mutation::Mutation;
use crate::promise;
use crate::state::{Session, State};

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client sends its request to an instance.
    Execute {
        /// The client.
        client: u8,
        /// The instance.
        instance: u8,
    },
    /// A lane takes a batch.
    Attempt(u8),
    /// A session executes BEGIN.
    Begin(Session),
    /// A session claims one key.
    Claim(Session),
    /// A session applies the operations of its winners.
    Apply {
        /// The session.
        session: Session,
        /// Whether scarce orders are refused.
        refuse: bool,
    },
    /// A session stores late responses.
    StoreLate(Session),
    /// A session executes COMMIT.
    Commit(Session),
    /// A lane reads the losers and answers its batch.
    ReadLosers(u8),
    /// The database rolls back a transaction whose client is gone.
    RollBack(Session),
    /// The database ends a deadlock by rolling back one transaction.
    Deadlock(Session),
    /// The answer in the row of a key is swept, and a tombstone stays.
    Expire(u8),
    /// The row of a key is swept.
    Sweep(u8),
    /// Something fails.
    Fault(Fault),
}

impl State {
    /// Applies operations, which may fail.
    fn apply(&mut self, case: &Case, session: Session, refuse: bool) {
        let Some(transaction) = self.transaction_mut(session) else {
            return;
        };
        if !transaction.apply(refuse, case.protocol) {
            self.fail(case, session, ErrorClass::Rejected);
            return;
        }
        let written = transaction.written.clone();
        let Session::Lane(instance) = session else {
            return;
        };
        for row in written {
            if case.protocol.has(Mutation::KeepBeforeCommit) {
                self.lanes[usize::from(instance)].replays.keep(row);
            }
            if case.protocol.has(Mutation::AnswerBeforeCommit) {
                self.deliver(vec![(row.resource, Answer::Created(row))]);
            }
        }
    }

    fn read_losers(&mut self, case: &Case, instance: u8) {
        let lane = &mut self.lanes[usize::from(instance)];
        if let Step::Committed(_, _, transaction) = &lane.step
            && case.protocol.has(Mutation::LateResponseAfterCommit)
        {
            self.database.store_late(transaction);
        }
        let answers = lane.settle(case, &self.database.rows);
        self.deliver(answers);
    }

    fn expire_row(&mut self, key: u8) {
        self.sweeps -= 1;
        if let Some(row) = &mut self.database.rows[usize::from(key)] {
            row.expired = true;
        }
    }

    fn sweep(&mut self, key: u8) {
        self.sweeps -= 1;
        self.database.rows[usize::from(key)] = None;
        self.database.swept.insert(key);
    }
}

impl Case {
    /// The possible steps and the states they lead to, within the boundary.
    pub(crate) fn steps(&self, state: &State) -> impl Iterator<Item = (Action, State)> {
        let steps = self.next_steps(state).into_iter();
        steps.filter(|(_, next)| self.within_boundary(next))
    }
}

impl Model for Case {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.progress(state, actions);
        if state.faults > 0 {
            self.faults(state, actions);
        }
        if state.sweeps > 0 {
            Self::sweeps(state, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Execute { client, instance } => state.execute(self, client, instance),
            Action::Attempt(instance) => {
                let lane = &mut state.lanes[usize::from(instance)];
                let answers = lane.attempt(self, &last.database.rows);
                state.deliver(answers);
            }
            Action::Begin(session) => state.begin(self, session),
            Action::Claim(session) => state.claim(self, session),
            Action::Apply { session, refuse } => state.apply(self, session, refuse),
            Action::StoreLate(session) => {
                if let Some(transaction) = state.transaction_mut(session) {
                    transaction.store_late();
                }
            }
            Action::Commit(session) => state.commit(session),
            Action::ReadLosers(instance) => state.read_losers(self, instance),
            Action::RollBack(session) => state.fail(self, session, ErrorClass::Unavailable),
            Action::Deadlock(session) => state.fail(self, session, ErrorClass::Retry),
            Action::Expire(key) => state.expire_row(key),
            Action::Sweep(key) => state.sweep(key),
            Action::Fault(fault) => state.strike(self, fault),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promise::all()
    }

    /// A client that retries too often breaks a promise. It may do so for ever.
    fn within_boundary(&self, state: &State) -> bool {
        promise::retries(state) <= self.faults + 1
    }
}
