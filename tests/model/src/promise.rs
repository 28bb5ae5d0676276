//! What must hold in every state: the promises of `src/lib.rs`, and what they rest on.

use stateright::Property;

use crate::batch::Resource;
use crate::case::{Asks, Case, Key, Payload};
use crate::executor::Answer;
use crate::lane::Step;
use crate::state::State;

/// Promise 1.
pub const ONE_ORDER: &str = "1 at most one order is stored for a key";
/// What promise 1 rests on: key row and order appear together or not at all.
pub const TOGETHER: &str = "1 a key row and its order are stored together";
/// Promise 2.
pub const ACKNOWLEDGED: &str = "2 an acknowledged order is stored";
/// Promise 3.
pub const FIRST_ANSWER: &str = "3 every answer is the first answer, and its owner is told 201";
/// Promise 4.
pub const REFUSED: &str = "4 another payload is refused and changes nothing";
/// Promise 5, as far as one state shows it; `termination` has the rest.
pub const ANSWERED: &str = "5 nothing is stuck: whoever asks is answered";
/// What promise 5 rests on.
pub const NO_DEADLOCK: &str = "5 batches do not deadlock";
/// One bad row fails alone.
pub const ALONE: &str = "5 only a request that the database refuses fails";

/// That the model meets what it is for. None of these is a promise.
pub const MEETINGS: [&str; 7] = [
    "a claim waits for another transaction",
    "a transaction goes on although its connection is lost",
    "a claimant finds its own row",
    "a batch is split",
    "a key is in use elsewhere",
    "a follower outlives its claimant",
    "a row vanishes between claim and read",
];

pub(crate) fn all() -> Vec<Property<Case>> {
    vec![
        Property::always(ONE_ORDER, one_order),
        Property::always(TOGETHER, together),
        Property::always(ACKNOWLEDGED, acknowledged),
        Property::always(FIRST_ANSWER, first_answer),
        Property::always(REFUSED, refused),
        Property::always(ANSWERED, answered),
        Property::always(NO_DEADLOCK, no_deadlock),
        Property::always(ALONE, alone),
        Property::sometimes(MEETINGS[0], waits),
        Property::sometimes(MEETINGS[1], goes_on),
        Property::sometimes(MEETINGS[2], finds_own_row),
        Property::sometimes(MEETINGS[3], is_split),
        Property::sometimes(MEETINGS[4], in_use),
        Property::sometimes(MEETINGS[5], outlives),
        Property::sometimes(MEETINGS[6], vanishes),
    ]
}

fn key(case: &Case, resource: Resource) -> Key {
    case.clients[usize::from(resource.client)].0
}

fn payload(case: &Case, resource: Resource) -> Payload {
    let Asks(_, payload) = case.clients[usize::from(resource.client)];
    payload
}

/// A key that was swept begins anew.
fn one_order(case: &Case, state: &State) -> bool {
    (0..).zip(&state.database.rows).all(|(of, _)| {
        let orders = state.database.orders.iter();
        let count = orders.filter(|order| key(case, **order) == of).count();
        count <= 1 + usize::from(state.database.swept.contains(&of))
    })
}

fn together(case: &Case, state: &State) -> bool {
    let database = &state.database;
    let mut rows = database.rows.iter().flatten();
    let mut orders = database.orders.iter();
    rows.all(|row| database.orders.contains(&row.resource))
        && orders.all(|order| {
            let of = key(case, *order);
            let row = database.rows[usize::from(of)];
            row.is_some_and(|row| row.resource == *order) || database.swept.contains(&of)
        })
}

/// Every success that was ever told: to whom, and whose order.
fn successes(state: &State) -> impl Iterator<Item = (Resource, Resource)> {
    let success = |(asked, answer): &(Resource, Answer)| match answer {
        Answer::Created(order) | Answer::Replayed(order) => Some((*asked, *order)),
        _ => None,
    };
    state.answers.iter().filter_map(success)
}

fn acknowledged(_: &Case, state: &State) -> bool {
    successes(state).all(|(_, order)| state.database.orders.contains(&order))
}

fn first_answer(case: &Case, state: &State) -> bool {
    let swept = |of: Key| state.database.swept.contains(&of);
    let same_order = successes(state).all(|(a, first)| {
        let mut others = successes(state).filter(|(b, _)| key(case, a) == key(case, *b));
        swept(key(case, a)) || others.all(|(_, order)| order == first)
    });
    let owner_is_told_201 = state.answers.iter().all(|(asked, answer)| match answer {
        Answer::Created(order) => order == asked,
        Answer::Replayed(order) => order != asked,
        _ => true,
    });
    same_order && owner_is_told_201
}

fn refused(case: &Case, state: &State) -> bool {
    let same_payload =
        successes(state).all(|(asked, order)| payload(case, asked) == payload(case, order));
    let refusals = state.answers.iter().filter(|(_, a)| *a == Answer::Reused);
    let changed_nothing = refusals.map(|(asked, _)| *asked).all(|asked| {
        let row = state.database.rows[usize::from(key(case, asked))];
        let another = row.is_some_and(|row| row.payload != payload(case, asked));
        let swept = state.database.swept.contains(&key(case, asked));
        (another || swept) && !state.database.orders.contains(&asked)
    });
    same_payload && changed_nothing
}

/// Something goes on without any failure, or everything is done.
fn answered(case: &Case, state: &State) -> bool {
    let mut progress = Vec::new();
    case.progress(state, &mut progress);
    !progress.is_empty() || (state.is_quiet() && state.is_answered())
}

fn no_deadlock(case: &Case, state: &State) -> bool {
    state
        .transactions()
        .all(|(who, _)| !state.is_deadlocked(case, who))
}

fn alone(case: &Case, state: &State) -> bool {
    let mut failures = state.answers.iter().filter(|(_, a)| *a == Answer::Failed);
    failures.all(|(asked, _)| payload(case, *asked) == Payload::Poison)
}

fn waits(case: &Case, state: &State) -> bool {
    let mut transactions = state.transactions();
    transactions.any(|(who, _)| state.waits_for(case, who).is_some())
}

fn goes_on(_: &Case, state: &State) -> bool {
    !state.database.orphans.is_empty()
}

fn finds_own_row(_: &Case, state: &State) -> bool {
    losers(state).any(|(row, own)| row == Some(own))
}

fn vanishes(_: &Case, state: &State) -> bool {
    losers(state).any(|(row, _)| row.is_none())
}

/// Whose row is in the way of each claimant that did not win.
fn losers(state: &State) -> impl Iterator<Item = (Option<Resource>, Resource)> {
    let committed = state.lanes.iter().filter_map(|lane| match &lane.step {
        Step::Committed(_, _, transaction) => Some(transaction),
        _ => None,
    });
    committed.flat_map(|transaction| {
        let claimants = transaction.claimants.iter();
        let losers = claimants.filter(|request| !transaction.won.contains(&request.resource));
        losers.map(|request| {
            let row = state.database.rows[usize::from(request.key)];
            (row.map(|row| row.resource), request.resource)
        })
    })
}

fn is_split(_: &Case, state: &State) -> bool {
    state.lanes.iter().any(|lane| lane.work.len() > 1)
}

fn in_use(_: &Case, state: &State) -> bool {
    state.answers.iter().any(|(_, a)| *a == Answer::InUse)
}

/// A late claimant is dropped and the one behind it claims.
fn outlives(_: &Case, state: &State) -> bool {
    state.lanes.iter().any(|lane| {
        let mut batches = lane.work.iter().map(|(batch, _)| batch);
        batches.any(|batch| {
            let mut groups = batch.claimants();
            groups.any(|claimant| {
                let mut group = batch.requests().filter(|r| r.key == claimant.key);
                claimant.late && group.any(|request| !request.late)
            })
        })
    })
}
