//! What can happen next, in every order that the database allows.

use stateright::{Model, Property};

use crate::case::{Case, Engine};
use crate::database::Phase;
use crate::executor::Client;
use crate::lane::{Class, Lane, Step};
use crate::mutation::Mutation;
use crate::promise;
use crate::state::{State, Who};

/// One step of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A client sends its request to an instance.
    Execute {
        /// Who.
        client: u8,
        /// Whom it asks.
        instance: u8,
    },
    /// A lane takes a batch and sends its transaction.
    Attempt(u8),
    /// A transaction takes the write lock.
    Begin(Who),
    /// A transaction claims one key.
    Claim(Who),
    /// A transaction writes what its winners asked for.
    Effects(Who),
    /// A transaction is committed.
    Commit(Who),
    /// A lane reads the losers and answers its batch.
    ReadLosers(u8),
    /// The database rolls back a transaction that nobody listens to.
    RollBack(Who),
    /// The database ends a deadlock by rolling back one transaction.
    Deadlock(Who),

    /// A client hangs up, or its answer is lost.
    GiveUp(u8),
    /// The deadline of a client's request passes.
    Deadline(u8),
    /// A lock wait is over before the lock was had.
    LockTimeout(u8),
    /// A transaction, or the statement after it, loses a conflict with another.
    Conflict(u8),
    /// A connection to the database is lost, or given up. What ran on it may go on.
    ConnectionLost(u8),
    /// An instance dies, and another takes its place.
    Crash(u8),
    /// The database dies with everything that was not committed, and recovers.
    DatabaseRestarts,
    /// The row of a key is swept.
    Sweep(u8),
}

impl Case {
    /// What happens if nothing fails.
    pub fn progress(&self, state: &State, actions: &mut Vec<Action>) {
        if let Some(action) = Self::unseen(state) {
            actions.push(action);
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
        for (who, transaction) in state.transactions() {
            let is_orphan = matches!(who, Who::Orphan(_));
            if is_orphan {
                actions.push(Action::RollBack(who));
            }
            if state.is_deadlocked(self, who) {
                actions.push(Action::Deadlock(who));
            } else if !(is_orphan && transaction.is_over()) && state.waits_for(self, who).is_none()
            {
                actions.push(match transaction.phase {
                    Phase::Begin => Action::Begin(who),
                    Phase::Claim { .. } => Action::Claim(who),
                    Phase::Effects => Action::Effects(who),
                    Phase::Commit => Action::Commit(who),
                });
            }
        }
    }

    /// A step that nobody else can see or hinder is taken at once: at any later moment it would
    /// lead to the same states.
    fn unseen(state: &State) -> Option<Action> {
        let splits = |lane: &Lane| lane.step == Step::Idle && !lane.work.is_empty();
        if let Some(index) = state.lanes.iter().position(splits) {
            return Some(Action::Attempt(small(index)));
        }
        let mut transactions = state.transactions();
        let writes = transactions.find(|(who, transaction)| {
            let goes_on = matches!(who, Who::Lane(_)) || !transaction.is_over();
            transaction.phase == Phase::Effects && goes_on
        });
        writes.map(|(who, _)| Action::Effects(who))
    }

    /// Clients that are equal send their first requests in their order, and of the instances
    /// that nothing has happened to, the first is asked: the others would give the same states
    /// under other names.
    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        const UNSENT: Client = Client::Ready { attempt: 0 };
        let untouched = Lane::new(self);
        let first_untouched = state.lanes.iter().position(|lane| *lane == untouched);
        for (client, now) in state.clients.iter().enumerate() {
            let twin = |other: usize| self.clients[other] == self.clients[client];
            let waits_for_twin = *now == UNSENT
                && (0..client).any(|other| twin(other) && state.clients[other] == UNSENT);
            if !matches!(now, Client::Ready { .. }) || waits_for_twin {
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

    fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        for (client, now) in (0..).zip(&state.clients) {
            if matches!(now, Client::Waiting { .. }) {
                actions.extend([Action::GiveUp(client), Action::Deadline(client)]);
            }
        }
        let untouched = Lane::new(self);
        for (instance, lane) in (0..).zip(&state.lanes) {
            if lane.step != Step::Idle {
                actions.extend([Action::Conflict(instance), Action::ConnectionLost(instance)]);
            }
            if state.waits_for(self, Who::Lane(instance)).is_some() {
                actions.push(Action::LockTimeout(instance));
            }
            if *lane != untouched {
                actions.push(Action::Crash(instance));
            }
        }
        if state.transactions().next().is_some() {
            actions.push(Action::DatabaseRestarts);
        }
    }

    /// Retention is much longer than any deadline, so a row is swept when nobody is left who
    /// could still meet it as its own.
    fn sweeps(state: &State, actions: &mut Vec<Action>) {
        for (key, row) in (0..).zip(&state.database.rows) {
            let Some(row) = row else { continue };
            let mut requests = state.lanes.iter().flat_map(Lane::requests);
            if !requests.any(|request| request.resource == row.resource) {
                actions.push(Action::Sweep(key));
            }
        }
    }
}

impl State {
    fn effects_or_refusal(&mut self, case: &Case, who: Who) {
        if !self.effects(case, who) {
            self.end(case, who, Class::Refused);
            return;
        }
        let (Who::Lane(instance), Some(transaction)) = (who, self.transaction(who)) else {
            return;
        };
        let winners = transaction.claimants.clone().into_iter();
        let won = transaction.won.clone();
        for request in winners.filter(|request| won.contains(&request.resource)) {
            if case.protocol.has(Mutation::KeepBeforeCommit) {
                let lane = &mut self.lanes[usize::from(instance)];
                lane.replays.keep(request.key, request.row());
            }
            if case.protocol.has(Mutation::AnswerBeforeCommit) {
                let created = crate::executor::Answer::Created(request.resource);
                self.deliver(vec![(request.resource, created)]);
            }
        }
    }

    fn commit(&mut self, who: Who) {
        let Some(transaction) = self.transaction(who).cloned() else {
            return;
        };
        self.publish(&transaction);
        match who {
            Who::Orphan(index) => {
                self.database.orphans.remove(usize::from(index));
            }
            Who::Lane(index) => self.lanes[usize::from(index)].acknowledge(),
        }
    }

    /// Rolls a transaction back and tells its lane why.
    fn end(&mut self, case: &Case, who: Who, class: Class) {
        match who {
            Who::Orphan(index) => {
                self.database.orphans.remove(usize::from(index));
            }
            Who::Lane(index) => {
                let answers = self.lanes[usize::from(index)].failed(case, class);
                self.deliver(answers);
            }
        }
    }

    fn lock_timeout(&mut self, case: &Case, instance: u8) {
        // SQLite says BUSY, which is not about a key.
        let class = match case.engine {
            Engine::Postgres => Class::Locked,
            Engine::Sqlite => Class::Again,
        };
        self.end(case, Who::Lane(instance), class);
    }

    fn connection_lost(&mut self, case: &Case, instance: u8) {
        let phase = self.transaction(Who::Lane(instance)).map(|t| t.phase);
        self.orphan(instance);
        let lane = &mut self.lanes[usize::from(instance)];
        if phase == Some(Phase::Commit) && case.protocol.has(Mutation::UnknownIsCommitted) {
            lane.acknowledge();
        } else {
            self.end(case, Who::Lane(instance), Class::Again);
        }
    }

    /// The transaction of a lane goes on without it.
    fn orphan(&mut self, instance: u8) {
        let orphans = &mut self.database.orphans;
        if let Step::Transaction(_, _, transaction) = &self.lanes[usize::from(instance)].step {
            orphans.push(transaction.clone());
            orphans.sort();
        }
    }

    fn crash(&mut self, case: &Case, instance: u8) {
        self.orphan(instance);
        self.lanes[usize::from(instance)] = Lane::new(case);
        for client in 0..small(self.clients.len()) {
            let now = self.clients[usize::from(client)];
            if matches!(now, Client::Waiting { instance: asked, .. } if asked == instance) {
                self.give_up(client);
            }
        }
    }

    fn database_restarts(&mut self, case: &Case) {
        self.database.orphans.clear();
        for instance in 0..case.instances {
            self.end(case, Who::Lane(instance), Class::Again);
        }
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
            Action::Execute { client, instance } => {
                let Client::Ready { attempt } = state.clients[usize::from(client)] else {
                    return None;
                };
                state.execute(self, client, attempt, instance);
            }
            Action::Attempt(instance) => {
                state.lanes[usize::from(instance)].attempt(self, &last.database.rows);
            }
            Action::Begin(who) => state.begin(self, who),
            Action::Claim(who) => state.claim(self, who),
            Action::Effects(who) => state.effects_or_refusal(self, who),
            Action::Commit(who) => state.commit(who),
            Action::ReadLosers(instance) => {
                let lane = &mut state.lanes[usize::from(instance)];
                let answers = lane.settle(self, &last.database.rows);
                state.deliver(answers);
            }
            Action::RollBack(who) | Action::Deadlock(who) => state.end(self, who, Class::Again),
            Action::Sweep(key) => {
                state.sweeps -= 1;
                state.database.rows[usize::from(key)] = None;
                state.database.swept.insert(key);
            }
            fault => {
                state.faults -= 1;
                match fault {
                    Action::GiveUp(client) => state.give_up(client),
                    Action::Deadline(client) => state.deadline(client),
                    Action::LockTimeout(instance) => state.lock_timeout(self, instance),
                    Action::Conflict(instance) => {
                        state.end(self, Who::Lane(instance), Class::Again);
                    }
                    Action::ConnectionLost(instance) => state.connection_lost(self, instance),
                    Action::Crash(instance) => state.crash(self, instance),
                    _ => state.database_restarts(self),
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promise::all()
    }
}

/// There are never more than a few of anything.
fn small(index: usize) -> u8 {
    u8::try_from(index).expect("a handful")
}
