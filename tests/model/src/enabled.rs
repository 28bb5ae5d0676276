//! Which steps are possible in a state.

use crate::action::Action;
use crate::case::{Case, Engine};
use crate::commit::{Phase, Transaction};
use crate::executor::Client;
use crate::lane::{Lane, Step};
use crate::state::{Session, State};

impl Case {
    /// The steps that are possible without a failure.
    pub(crate) fn progress(&self, state: &State, actions: &mut Vec<Action>) {
        self.private(state, actions);
        if !actions.is_empty() {
            return;
        }
        self.requests(state, actions);
        for (instance, lane) in (0..).zip(&state.lanes) {
            if lane.can_attempt() {
                actions.push(Action::Attempt(instance));
            }
            if matches!(lane.step, Step::Committed(..)) {
                actions.push(Action::ReadLosers(instance));
            }
        }
        for (session, transaction) in state.transactions() {
            if matches!(session, Session::Orphan(_)) {
                actions.push(Action::RollBack(session));
            }
            if state.is_deadlocked(self, session) {
                actions.push(Action::Deadlock(session));
            } else if state.waits_for(self, session).is_none() {
                Self::next_statement(session, transaction, actions);
            }
        }
    }

    fn next_statement(session: Session, transaction: &Transaction, actions: &mut Vec<Action>) {
        match transaction.phase {
            Phase::Begin => actions.push(Action::Begin(session)),
            Phase::Claim { .. } => actions.push(Action::Claim(session)),
            Phase::Apply => {
                let refuse = false;
                actions.push(Action::Apply { session, refuse });
                if transaction.may_refuse() {
                    let refuse = true;
                    actions.push(Action::Apply { session, refuse });
                }
            }
            Phase::StoreLate => actions.push(Action::StoreLate(session)),
            Phase::Commit => actions.push(Action::Commit(session)),
            Phase::Abandoned => {}
        }
    }

    /// The steps of one lane that others neither see nor hinder, if any. They are taken at once:
    /// later they would lead to the same states.
    fn private(&self, state: &State, actions: &mut Vec<Action>) {
        let mut lanes = (0..).zip(&state.lanes);
        let next_batch = |lane: &Lane| lane.step == Step::Idle && !lane.work.is_empty();
        if let Some((instance, _)) = lanes.find(|(_, lane)| next_batch(lane)) {
            actions.push(Action::Attempt(instance));
            return;
        }
        let private = |phase| match phase {
            Phase::Begin => self.engine == Engine::Postgres,
            Phase::Apply | Phase::StoreLate => true,
            Phase::Claim { .. } | Phase::Commit | Phase::Abandoned => false,
        };
        let mut transactions = state.transactions();
        let next = transactions.find(|(_, transaction)| private(transaction.phase));
        if let Some((session, transaction)) = next {
            Self::next_statement(session, transaction, actions);
        }
    }

    /// Requests of clients. Symmetric states are left out: of equal clients the first sends its
    /// first request first, and of the instances that have done nothing the first is asked.
    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        let untouched = Lane::new(self);
        let first_untouched = state.lanes.iter().position(|lane| *lane == untouched);
        for (client, now) in state.clients.iter().enumerate() {
            let is_equal = |other: usize| self.clients[other] == self.clients[client];
            let waits_for_equal = *now == Client::UNSENT
                && (0..client)
                    .any(|other| is_equal(other) && state.clients[other] == Client::UNSENT);
            if !matches!(now, Client::Ready { .. }) || waits_for_equal {
                continue;
            }
            for (instance, lane) in state.lanes.iter().enumerate() {
                if *lane != untouched || first_untouched == Some(instance) {
                    actions.push(Action::Execute {
                        client: small(client),
                        instance: small(instance),
                    });
                }
            }
        }
    }

    /// Rows that may be swept. Retention is much longer than any deadline, so the request that
    /// inserted the row is no longer in a lane.
    pub(crate) fn sweeps(state: &State, actions: &mut Vec<Action>) {
        for (key, row) in (0..).zip(&state.database.rows) {
            let Some(row) = row else { continue };
            let mut requests = state.lanes.iter().flat_map(Lane::requests);
            if !requests.any(|request| request.resource == row.resource) {
                // Once: the promises are about one new beginning of a key.
                if !state.database.swept.contains(&key) {
                    actions.push(Action::Sweep(key));
                }
                if !row.expired {
                    actions.push(Action::Expire(key));
                }
            }
        }
    }
}

fn small(index: usize) -> u8 {
    u8::try_from(index).expect("a model has few clients and instances")
}
