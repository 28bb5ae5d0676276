//! The catalogue of all invariants.

use super::invariant::Invariant;
use super::{answers, orders, refusals};

/// Every invariant, the most important first.
pub(crate) fn all() -> impl Iterator<Item = &'static Invariant> {
    orders::INVARIANTS
        .iter()
        .chain(answers::INVARIANTS)
        .chain(refusals::INVARIANTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_meanings_are_one_line() {
        let mut names: Vec<_> = all().map(|one| one.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(all().all(|one| !one.meaning.contains('\n') && one.meaning.len() < 110));
    }
}
