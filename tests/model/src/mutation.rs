//! Mutations of the modelled parts.

/// One step of the protocol, done wrong.
///
/// Mutations of the decisions are made in the real file, by the script `tests/model/mutants`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutation {
    /// `commit`: operations are applied before the keys are claimed, for all requests.
    ApplyBeforeClaim,
    /// `commit`: claims are committed before operations are applied.
    TwoTransactions,
    /// `commit`: a claim reads the key row and inserts its own if there is none, without the unique
    /// index.
    ReadThenInsert,
    /// `commit`: late responses are stored after COMMIT.
    LateResponseAfterCommit,
    /// `commit`: effects of refused requests are not rolled back.
    RefusedEffectsRemain,
    /// `commit`: losers are read in the snapshot of the claims, not in a new one.
    OldSnapshot,
    /// `commit`: a loser whose row is not found is treated as a winner.
    MissingIsWon,
    /// `commit`: a loser's row is not read: it gets the row that it would have inserted.
    LosersNotRead,
    /// `lane`: winners are answered before COMMIT.
    AnswerBeforeCommit,
    /// `lane`: the replay cache keeps rows that are not committed.
    KeepBeforeCommit,
    /// `lane`: a connection lost during COMMIT is treated as a commit that succeeded.
    UnknownIsCommitted,
    /// `lane`: requests whose row has vanished are not run again.
    VanishedForgotten,
    /// `lane`: the second half of a bisected batch is not run.
    HalfForgotten,
    /// `lane`: what remains after a rejection is not run.
    RestForgotten,
}

/// A set of mutations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protocol(u32);

impl Protocol {
    /// Without mutations.
    pub const INTACT: Self = Self(0);

    /// With these mutations.
    #[must_use]
    pub fn with(mutations: &[Mutation]) -> Self {
        let bits = mutations.iter().map(|mutation| 1 << *mutation as u8);
        Self(bits.fold(0, std::ops::BitOr::bitor))
    }

    /// Whether it has this mutation.
    #[must_use]
    pub const fn has(self, mutation: Mutation) -> bool {
        self.0 & (1 << mutation as u8) != 0
    }
}
