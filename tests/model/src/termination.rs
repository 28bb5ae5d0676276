//! Promise 5, as far as no single state shows it: every run ends.
//!
//! Stateright's `eventually` is not exact in graphs where paths meet. Failures are bounded, so a
//! protocol that converges never returns to a state: if the graph of the states has no cycle and
//! every state in which nothing is possible has all clients answered, all runs end with all clients
//! answered.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use stateright::Model;

use crate::case::Case;
use crate::state::State;

#[derive(PartialEq, Eq)]
enum Visit {
    OnPath,
    Done,
}

/// Whether the graph of the states has no cycle.
#[must_use]
pub fn ends(case: &Case) -> bool {
    let hasher = RandomState::new();
    let mut visits: HashMap<u64, Visit> = HashMap::new();
    let mut path: Vec<(u64, Vec<State>)> = vec![(0, case.init_states())];
    while let Some((here, next)) = path.last_mut() {
        let Some(state) = next.pop() else {
            visits.insert(*here, Visit::Done);
            path.pop();
            continue;
        };
        let there = hasher.hash_one(&state);
        match visits.get(&there) {
            Some(Visit::OnPath) => return false,
            Some(Visit::Done) => {}
            None => {
                visits.insert(there, Visit::OnPath);
                let next = case.steps(&state).map(|(_, next)| next).collect();
                path.push((there, next));
            }
        }
    }
    true
}
