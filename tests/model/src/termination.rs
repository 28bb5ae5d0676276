//! Promise 5, the part that no single state shows: whatever happens, it ends.
//!
//! Stateright's `eventually` is not exact where states are met again, so the way is another one:
//! failures are bounded, hence a system that converges never comes back to a state. Where there is
//! no circle and nothing is stuck before everybody is answered, everybody is answered.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use stateright::Model;

use crate::case::Case;
use crate::state::State;

/// Whether a state is on the way that is walked, or all ways from it were.
#[derive(PartialEq, Eq)]
enum Visit {
    OnTheWay,
    Done,
}

/// Walks every way. `false` if one of them comes back to where it was.
#[must_use]
pub fn ends(case: &Case) -> bool {
    let hasher = RandomState::new();
    let mut visits: HashMap<u64, Visit> = HashMap::new();
    let mut way: Vec<(u64, Vec<State>)> = vec![(0, case.init_states())];
    while let Some((here, next)) = way.last_mut() {
        let Some(state) = next.pop() else {
            visits.insert(*here, Visit::Done);
            way.pop();
            continue;
        };
        let there = hasher.hash_one(&state);
        match visits.get(&there) {
            Some(Visit::OnTheWay) => return false,
            Some(Visit::Done) => {}
            None => {
                visits.insert(there, Visit::OnTheWay);
                way.push((there, case.next_states(&state)));
            }
        }
    }
    true
}
