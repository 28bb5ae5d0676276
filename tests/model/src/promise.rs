//! What must hold in every state: the promises of `src/lib.rs` and what they rest on.

use stateright::Property;

use crate::case::{Asks, Case};
use crate::executor::{Answer, Client};
use crate::request::{Key, Payload, Resource, Response, Row};
use crate::state::State;

/// Promise 1.
pub const ONE_ORDER: &str = "1 at most one order is stored for a key";
/// What promise 1 rests on: a key row and its order become visible together or not at all.
pub const TOGETHER: &str = "1 a key row and its order are stored together";
/// Promise 1, for a key whose request was refused.
pub const NO_ORDER: &str = "1 a refused key has no order";
/// Promise 2.
pub const ACKNOWLEDGED: &str = "2 an acknowledged order is stored";
/// What promise 3 rests on.
pub const COMPLETE: &str = "3 a visible key row has its response";
/// Promise 3. The status says who was first: 201 for the request whose row is stored.
pub const FIRST_ANSWER: &str = "3 every answer is the first answer, created once";
/// Promise 4.
pub const OTHER_PAYLOAD: &str = "4 a different payload is rejected and changes nothing";
/// Promise 1, for a retry that comes too late to be replayed.
pub const EXPIRED: &str = "1 a late retry is told of its order and places none";
/// Promise 5, as far as one state shows it.
pub const ANSWERED: &str = "5 every client is answered";
/// Promise 5: a client does not have to retry more often than something fails.
pub const CONVERGES: &str = "5 each failure costs a client at most one retry";
/// What promise 5 rests on.
pub const NO_DEADLOCK: &str = "5 batches do not deadlock";
/// A bad request fails alone.
pub const ALONE: &str = "5 only a request that the database rejects fails";
/// A lane drops nothing else.
pub const IN_TIME: &str = "5 no request times out before its deadline";

/// Promise 5, as far as the graph of the states shows it: see [`crate::termination`].
pub const ENDS: &str = "5 every run ends";

pub(crate) fn all() -> Vec<Property<Case>> {
    let mut all = vec![
        Property::always(ONE_ORDER, one_order),
        Property::always(TOGETHER, together),
        Property::always(NO_ORDER, no_order),
        Property::always(EXPIRED, expired),
        Property::always(ACKNOWLEDGED, acknowledged),
        Property::always(COMPLETE, complete),
        Property::always(FIRST_ANSWER, first_answer),
        Property::always(OTHER_PAYLOAD, other_payload),
        Property::always(ANSWERED, answered),
        Property::always(CONVERGES, converges),
        Property::always(NO_DEADLOCK, no_deadlock),
        Property::always(ALONE, alone),
        Property::always(IN_TIME, in_time),
    ];
    all.extend(crate::coverage::all());
    all
}

fn key(case: &Case, resource: Resource) -> Key {
    case.clients[usize::from(resource.client)].0
}

fn payload(case: &Case, resource: Resource) -> Payload {
    let Asks(_, payload) = case.clients[usize::from(resource.client)];
    payload
}

/// Whether the key of a request was swept: it starts from nothing, and may have another order.
fn is_swept(case: &Case, state: &State, resource: Resource) -> bool {
    state.database.swept.contains(&key(case, resource))
}

/// Every answer that has a stored response: the request and the row.
fn successes(state: &State) -> impl Iterator<Item = (Resource, Row)> {
    let success = |(asked, answer): &(Resource, Answer)| match answer {
        Answer::Created(row) | Answer::Replayed(row) => Some((*asked, *row)),
        _ => None,
    };
    state.answers.iter().filter_map(success)
}

fn one_order(case: &Case, state: &State) -> bool {
    state.database.orders.iter().all(|order| {
        let others = state.database.orders.iter();
        let of_key = others.filter(|other| key(case, **other) == key(case, *order));
        of_key.count() <= 1 + usize::from(is_swept(case, state, *order))
    })
}

fn together(case: &Case, state: &State) -> bool {
    let database = &state.database;
    let accepted = |row: &Row| row.response != Some(Response::Refused);
    let mut rows = database.rows.iter().flatten();
    let mut orders = database.orders.iter();
    rows.all(|row| database.orders.contains(&row.resource) == accepted(row))
        && orders.all(|order| {
            let row = database.rows[usize::from(key(case, *order))];
            row.is_some_and(|row| row.resource == *order) || is_swept(case, state, *order)
        })
}

fn no_order(case: &Case, state: &State) -> bool {
    let mut refused = successes(state).filter(|(_, row)| row.response == Some(Response::Refused));
    refused.all(|(asked, row)| {
        let mut orders = state.database.orders.iter();
        is_swept(case, state, asked) || orders.all(|order| key(case, *order) != row.key)
    })
}

fn expired(_: &Case, state: &State) -> bool {
    let orders = &state.database.orders;
    state.answers.iter().all(|(asked, answer)| match answer {
        Answer::Expired(row) => {
            let placed = row.response != Some(Response::Accepted) || orders.contains(&row.resource);
            placed && !orders.contains(asked)
        }
        _ => true,
    })
}

fn acknowledged(_: &Case, state: &State) -> bool {
    let orders = &state.database.orders;
    successes(state).all(|(_, row)| match row.response {
        Some(Response::Accepted) => orders.contains(&row.resource),
        Some(Response::Refused) | None => true,
    })
}

fn complete(_: &Case, state: &State) -> bool {
    let mut rows = state.database.rows.iter().flatten();
    rows.all(|row| row.response.is_some())
}

fn first_answer(case: &Case, state: &State) -> bool {
    let is_first = successes(state).all(|(asked, first)| {
        let mut of_key = successes(state).filter(|(_, row)| row.key == first.key);
        let same = of_key.all(|(_, row)| row == first);
        first.response.is_some() && (same || is_swept(case, state, asked))
    });
    let created_once = state.answers.iter().all(|(asked, answer)| match answer {
        Answer::Created(row) => row.resource == *asked,
        Answer::Replayed(row) => row.resource != *asked,
        _ => true,
    });
    is_first && created_once
}

fn other_payload(case: &Case, state: &State) -> bool {
    let mut rejected = state.answers.iter().filter(|(_, a)| *a == Answer::Reused);
    let same = successes(state).all(|(asked, row)| payload(case, asked) == row.payload);
    let unchanged = rejected.all(|(asked, _)| {
        let row = state.database.rows[usize::from(key(case, *asked))];
        let other = row.is_some_and(|row| row.payload != payload(case, *asked));
        (other || is_swept(case, state, *asked)) && !state.database.orders.contains(asked)
    });
    same && unchanged
}

/// Something is possible without a failure, or everything is done.
fn answered(case: &Case, state: &State) -> bool {
    let mut progress = Vec::new();
    case.progress(state, &mut progress);
    !progress.is_empty() || (state.is_quiet() && state.is_answered())
}

fn converges(case: &Case, state: &State) -> bool {
    retries(state) <= case.faults
}

/// The most retries of a client.
pub(crate) fn retries(state: &State) -> u8 {
    let retries = state.clients.iter().map(|client| match client {
        Client::Ready { attempt } | Client::Waiting { attempt, .. } => *attempt,
        Client::Done => 0,
    });
    retries.max().unwrap_or_default()
}

fn no_deadlock(case: &Case, state: &State) -> bool {
    let mut sessions = state.transactions();
    sessions.all(|(session, _)| !state.is_deadlocked(case, session))
}

fn alone(case: &Case, state: &State) -> bool {
    let mut failures = state.answers.iter().filter(|(_, a)| *a == Answer::Failed);
    failures.all(|(asked, _)| payload(case, *asked) == Payload::Poison)
}

fn in_time(_: &Case, state: &State) -> bool {
    let mut answers = state.answers.iter();
    answers.all(|(_, answer)| *answer != Answer::TimedOut)
}
