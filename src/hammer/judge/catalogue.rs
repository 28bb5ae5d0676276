//! The catalogue of all invariants.

use super::invariant::Invariant;
use super::{answers, declared, orders, payloads, refusals, validation};

/// All invariants, the most important first.
pub(crate) fn invariants() -> impl Iterator<Item = &'static Invariant> {
    orders::INVARIANTS
        .iter()
        .chain(answers::INVARIANTS)
        .chain(payloads::INVARIANTS)
        .chain(refusals::INVARIANTS)
        .chain(declared::INVARIANTS)
        .chain(validation::INVARIANTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_meanings_fit_a_line() {
        let mut names: Vec<_> = invariants().map(|invariant| invariant.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for invariant in invariants() {
            let meaning = invariant.meaning;
            assert!(!meaning.contains('\n') && meaning.len() < 110, "{meaning}");
        }
    }
}
