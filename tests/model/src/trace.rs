//! The shortest trace to a state that breaks a promise.
//!
//! Stateright's own breadth-first search may return a longer one: a discovery replaces the one
//! before until the search notices that it can stop.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use stateright::Model;

use crate::action::Action;
use crate::case::Case;
use crate::state::State;

/// The steps of the shortest trace, or `None` if every state keeps the promise.
#[must_use]
pub fn shortest(case: &Case, promise: &'static str) -> Option<Vec<Action>> {
    let property = case.property(promise);
    let hasher = RandomState::new();
    let mut seen = HashSet::new();
    // Every step that led to a new state, and the step before it.
    let mut steps: Vec<(Option<usize>, Action)> = Vec::new();
    let initial = case.init_states().into_iter().map(|state| (None, state));
    let mut queue: VecDeque<(Option<usize>, State)> = initial.collect();
    while let Some((last, state)) = queue.pop_front() {
        if !(property.condition)(case, &state) {
            let mut trace: Vec<Action> = std::iter::successors(last, |step| steps[*step].0)
                .map(|step| steps[step].1)
                .collect();
            trace.reverse();
            return Some(trace);
        }
        for (action, next) in case.steps(&state) {
            if seen.insert(hasher.hash_one(&next)) {
                steps.push((last, action));
                queue.push_back((Some(steps.len() - 1), next));
            }
        }
    }
    None
}
