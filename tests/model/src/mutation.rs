//! What can be broken on purpose.

/// One step of the protocol, done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mutation {
    /// Effects are written for all requests, before it is known which of them won.
    EffectsBeforeClaims,
    /// Claims are committed, and effects follow in a transaction of their own.
    TwoTransactions,
    /// A claim looks for the row and inserts its own if there is none: no unique index.
    LookThenInsert,
    /// Keys are claimed in the order of arrival.
    UnsortedKeys,
    /// Winners are answered when their effects are written, and the commit follows.
    AnswerBeforeCommit,
    /// What is about to be committed is already replayed from memory.
    KeepBeforeCommit,
    /// A connection that is lost during COMMIT is taken for a commit that succeeded.
    UnknownIsCommitted,
    /// A claimant that finds its own row is a loser like any other.
    OwnRowIsAnothers,
    /// Losers are read in the snapshot of the claims, not in a new one.
    OldSnapshot,
    /// A loser whose row is not found is taken for a winner.
    MissingIsWon,
    /// A loser whose row is not found is left alone.
    VanishedForgotten,
    /// A loser is answered with the response it would have stored.
    LosersGetTheirOwn,
    /// Payloads are not compared.
    PayloadNotCompared,
    /// Followers are told that they created what their claimant created.
    FollowersCreated,
    /// A batch that is split goes on with its first half only.
    HalfForgotten,
    /// A batch that the database refused is refused as a whole.
    RefusedAsAWhole,
    /// A request that the database refused takes the others of its key along.
    RefusedWithFollowers,
    /// A batch that the database refused is run again as it is.
    RefusedRunAgain,
    /// A claimant whose time is up takes its followers along.
    LateTakesFollowers,
}

/// The protocol, with what is broken of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protocol(u32);

impl Protocol {
    /// As it is.
    pub const AS_IT_IS: Self = Self(0);

    /// With these steps broken.
    #[must_use]
    pub fn with(mutations: &[Mutation]) -> Self {
        Self(
            mutations
                .iter()
                .fold(0, |set, mutation| set | 1 << *mutation as u8),
        )
    }

    /// Whether a step is broken.
    #[must_use]
    pub const fn has(self, mutation: Mutation) -> bool {
        self.0 & (1 << mutation as u8) != 0
    }
}
