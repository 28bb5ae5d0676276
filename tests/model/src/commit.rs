//! One batch, one transaction. A model of `src/idempotency/commit.rs`.

use crate::batch::{Batch, Claim, Resource, Row};
use crate::mutation::{Mutation, Protocol};

/// Reads the rows that stood in the way and says what became of every claim. `rows` is what a
/// statement of its own sees, which begins after the claims have been committed.
#[must_use]
pub fn read_losers(
    batch: &Batch,
    won: &[Resource],
    rows: &[Option<Row>],
    protocol: Protocol,
) -> Vec<Claim> {
    let verdict = |key: u8, own: Resource| {
        if won.contains(&own) {
            return Claim::Won;
        }
        match rows[usize::from(key)] {
            // Our own row, from an attempt whose commit succeeded unheard.
            Some(row) if row.resource == own && !protocol.has(Mutation::OwnRowIsAnothers) => {
                Claim::Won
            }
            Some(row) => Claim::Lost(row),
            None if protocol.has(Mutation::MissingIsWon) => Claim::Won,
            None => Claim::Vanished,
        }
    };
    batch
        .claimants()
        .map(|request| verdict(request.key, request.resource))
        .collect()
}
