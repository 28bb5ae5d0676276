//! Situations that a case must reach, so that it does not hold for want of events.

use stateright::Property;

use crate::case::Case;
use crate::commit::Phase;
use crate::executor::Answer;
use crate::lane::Step;
use crate::request::{Request, Resource, Response};
use crate::state::State;

/// A claim waits for another transaction.
pub const WAIT: &str = "a claim waits for another transaction";
/// A connection is lost after the claims and before COMMIT.
pub const ABANDONED: &str = "a transaction without a client holds keys";
/// A connection is lost at COMMIT.
pub const UNHEARD_COMMIT: &str = "a transaction without a client may still be committed";
/// The transaction of an earlier attempt was committed after all.
pub const OWN_ROW: &str = "a claimant finds its own row";
/// Two halves wait.
pub const BISECTED: &str = "a batch is bisected";
/// A lock wait has run out.
pub const IN_USE: &str = "a key is in use";
/// The claimant of a key expires and a follower does not.
pub const SURVIVOR: &str = "a follower survives its claimant";
/// A row is swept between claim and read.
pub const VANISHED: &str = "a row vanishes between claim and read";
/// A request comes after the answer to its key has expired.
pub const TOO_LATE: &str = "an answer has expired";
/// Keys are claimed, operations applied, and a response is not stored yet.
pub const LATE_RESPONSE: &str = "a response is known and not stored";
/// A retry of a refused request is refused.
pub const REPLAYED_REFUSAL: &str = "a refusal is replayed";

pub(crate) fn all() -> Vec<Property<Case>> {
    vec![
        Property::sometimes(WAIT, waits),
        Property::sometimes(ABANDONED, holds_keys),
        Property::sometimes(UNHEARD_COMMIT, may_commit),
        Property::sometimes(OWN_ROW, finds_own_row),
        Property::sometimes(BISECTED, is_bisected),
        Property::sometimes(IN_USE, in_use),
        Property::sometimes(SURVIVOR, survives),
        Property::sometimes(VANISHED, vanishes),
        Property::sometimes(TOO_LATE, is_too_late),
        Property::sometimes(LATE_RESPONSE, is_late),
        Property::sometimes(REPLAYED_REFUSAL, replays_refusal),
    ]
}

fn waits(case: &Case, state: &State) -> bool {
    let mut sessions = state.transactions();
    sessions.any(|(session, _)| state.waits_for(case, session).is_some())
}

fn holds_keys(_: &Case, state: &State) -> bool {
    let mut orphans = state.database.orphans.iter();
    orphans.any(|orphan| orphan.phase == Phase::Abandoned && !orphan.inserted.is_empty())
}

fn may_commit(_: &Case, state: &State) -> bool {
    let mut orphans = state.database.orphans.iter();
    orphans.any(|orphan| orphan.phase == Phase::Commit)
}

fn finds_own_row(_: &Case, state: &State) -> bool {
    losers(state).any(|(row, own)| row == Some(own))
}

fn vanishes(_: &Case, state: &State) -> bool {
    losers(state).any(|(row, _)| row.is_none())
}

/// Every claimant that did not win, and the request that inserted the row.
fn losers(state: &State) -> impl Iterator<Item = (Option<Resource>, Resource)> {
    let committed = state.lanes.iter().filter_map(|lane| match &lane.step {
        Step::Committed(_, _, transaction) => Some(transaction),
        _ => None,
    });
    committed.flat_map(|transaction| {
        let won = |request: &&Request| {
            let mut written = transaction.written.iter();
            written.any(|row| row.resource == request.resource)
        };
        let losers = transaction.claimants.iter().filter(move |r| !won(r));
        losers.map(|request| {
            let row = state.database.rows[usize::from(request.key)];
            (row.map(|row| row.resource), request.resource)
        })
    })
}

fn is_bisected(_: &Case, state: &State) -> bool {
    state.lanes.iter().any(|lane| lane.work.len() > 1)
}

fn in_use(_: &Case, state: &State) -> bool {
    let mut answers = state.answers.iter();
    answers.any(|(_, answer)| *answer == Answer::InUse)
}

fn survives(_: &Case, state: &State) -> bool {
    state.lanes.iter().any(|lane| {
        let expired = |request: &Request| lane.expired.contains(&request.resource);
        lane.work.iter().any(|(batch, _)| {
            batch.claimants().into_iter().any(|claimant| {
                let mut followers = batch.requests().filter(|r| r.key == claimant.key);
                expired(claimant) && followers.any(|follower| !expired(follower))
            })
        })
    })
}

fn is_too_late(_: &Case, state: &State) -> bool {
    let mut answers = state.answers.iter();
    answers.any(|(_, answer)| matches!(answer, Answer::Expired(_)))
}

fn is_late(_: &Case, state: &State) -> bool {
    let mut sessions = state.transactions();
    sessions.any(|(_, transaction)| transaction.phase == Phase::StoreLate)
}

fn replays_refusal(_: &Case, state: &State) -> bool {
    state.answers.iter().any(|(_, answer)| {
        matches!(answer, Answer::Replayed(row) if row.response == Some(Response::Refused))
    })
}
