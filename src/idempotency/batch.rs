//! The decisions of group commit: which requests share a batch, what becomes of each claim, what
//! follows a failure.
//!
//! Pure functions over any [`Request`]: no channel, no clock, no database. The lane executes what
//! they decide, and the model in `tests/model` runs the same functions through every interleaving.

use crate::db::{ErrorClass, LockWait};

/// What the decisions need to know of a request.
pub trait Request {
    /// The idempotency key within its scope.
    type Key: Ord;
    /// A stored key row: fingerprint and answer of the request that inserted it.
    type Row: Clone;

    /// The key that the request claims.
    fn key(&self) -> &Self::Key;
    /// Whether this very request inserted `row`.
    fn inserted(&self, row: &Self::Row) -> bool;
    /// Whether the answer in `row` has expired, and its payload with it.
    fn has_expired(row: &Self::Row) -> bool;
    /// Whether the payload is that of the request that inserted `row`.
    fn matches(&self, row: &Self::Row) -> bool;
    /// Whether the payload is that of `other`.
    fn repeats(&self, other: &Self) -> bool;
}

/// What became of the claim of one key, after COMMIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim<Row> {
    /// The claimant inserted the row in this transaction.
    Won(Row),
    /// The row was there before.
    Lost(Row),
    /// There was a row when the key was claimed, and there is none now: it was swept.
    Vanished,
}

/// How a request ends after its batch is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending<Row> {
    /// The request inserted the row.
    Created(Row),
    /// Another request with the same payload inserted it.
    Replayed(Row),
    /// Another request with a different payload inserted it.
    Reused,
    /// The answer in the row has expired.
    Expired(Row),
}

/// What a lane does after an attempt has failed.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<R> {
    /// Run the batch again after a pause.
    Retry(Batch<R>),
    /// Run each half by itself.
    Bisect(Batch<R>, Batch<R>, LockWait),
    /// Tell these requests that their key is in use.
    InUse(Vec<R>),
    /// Fail the first requests, run the rest.
    Reject(Vec<R>, Batch<R>),
}

/// A committed batch, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled<R: Request> {
    /// Every request that has its answer.
    pub endings: Vec<(R, Ending<R::Row>)>,
    /// Requests whose row has vanished: they may claim the key again.
    pub again: Batch<R>,
}

/// The requests of one key. The first to arrive is the claimant, the others follow it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Group<R> {
    claimant: R,
    followers: Vec<R>,
}

/// Requests that are committed together, grouped by key and sorted by it.
///
/// All lanes of all instances claim keys in this order, so overlapping batches cannot deadlock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Batch<R> {
    groups: Vec<Group<R>>,
}

/// How a request ends whose key has this row.
pub fn replay<R: Request>(request: &R, row: &R::Row) -> Ending<R::Row> {
    if R::has_expired(row) {
        Ending::Expired(row.clone())
    } else if request.matches(row) {
        Ending::Replayed(row.clone())
    } else {
        Ending::Reused
    }
}

impl<R> Group<R> {
    fn requests(&self) -> impl Iterator<Item = &R> {
        std::iter::once(&self.claimant).chain(&self.followers)
    }

    fn into_requests(self) -> impl Iterator<Item = R> {
        std::iter::once(self.claimant).chain(self.followers)
    }
}

impl<R: Request> Batch<R> {
    /// Groups requests, given in the order of their arrival.
    #[must_use]
    pub fn new(mut requests: Vec<R>) -> Self {
        // A stable sort: of equal keys the first to arrive becomes the claimant.
        requests.sort_by(|a, b| a.key().cmp(b.key()));
        let mut groups: Vec<Group<R>> = Vec::with_capacity(requests.len());
        for request in requests {
            match groups.last_mut() {
                Some(group) if group.claimant.key() == request.key() => {
                    group.followers.push(request);
                }
                _ => groups.push(Group {
                    claimant: request,
                    followers: Vec::new(),
                }),
            }
        }
        Self { groups }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The first request of every key, in the order of the keys.
    #[must_use]
    pub fn claimants(&self) -> Vec<&R> {
        self.groups.iter().map(|group| &group.claimant).collect()
    }

    /// Every request.
    pub fn requests(&self) -> impl Iterator<Item = &R> {
        self.groups.iter().flat_map(Group::requests)
    }

    /// Every request, by value.
    pub fn into_requests(self) -> impl Iterator<Item = R> {
        self.groups.into_iter().flat_map(Group::into_requests)
    }

    /// Takes the requests out that are `expired`. A follower may become the claimant.
    pub fn drop_expired(self, expired: impl Fn(&R) -> bool) -> (Vec<R>, Self) {
        if !self.requests().any(&expired) {
            return (Vec::new(), self);
        }
        let (dropped, kept) = self.into_requests().partition(expired);
        (dropped, Self::new(kept))
    }

    /// Decides what follows a failed attempt.
    #[must_use]
    pub fn after(self, failure: ErrorClass, lock_wait: LockWait) -> Next<R> {
        match failure {
            ErrorClass::Retry | ErrorClass::Unavailable => return Next::Retry(self),
            ErrorClass::Locked | ErrorClass::Internal | ErrorClass::Rejected => {}
        }
        match self.bisect() {
            Ok((first, second)) => {
                let lock_wait = if failure == ErrorClass::Locked {
                    LockWait::Brief
                } else {
                    lock_wait
                };
                Next::Bisect(first, second, lock_wait)
            }
            Err(single) if failure == ErrorClass::Locked => {
                Next::InUse(single.into_requests().collect())
            }
            Err(single) if failure == ErrorClass::Internal => Next::Retry(single),
            Err(single) => {
                let (rejected, rest) = single.split_claimant();
                Next::Reject(rejected, rest)
            }
        }
    }

    /// Two halves with whole groups, or the batch itself if it has a single key.
    fn bisect(mut self) -> Result<(Self, Self), Self> {
        if self.groups.len() < 2 {
            return Err(self);
        }
        let second = self.groups.split_off(self.groups.len() / 2);
        Ok((self, Self { groups: second }))
    }

    /// Separates the claimant and the requests with its payload from the others of its key: they
    /// have another payload, which may pass.
    fn split_claimant(self) -> (Vec<R>, Self) {
        let (mut alike, mut others) = (Vec::new(), Vec::new());
        for group in self.groups {
            let (same, different): (Vec<R>, Vec<R>) = group
                .followers
                .into_iter()
                .partition(|follower| follower.repeats(&group.claimant));
            alike.push(group.claimant);
            alike.extend(same);
            others.extend(different);
        }
        (alike, Self::new(others))
    }

    /// Decides how every request of a committed batch ends, given one claim per claimant.
    #[must_use]
    pub fn settle(self, claims: Vec<Claim<R::Row>>) -> Settled<R> {
        let mut endings = Vec::with_capacity(self.groups.len());
        let mut vanished = Vec::new();
        for (group, claim) in self.groups.into_iter().zip(claims) {
            let (row, won) = match claim {
                Claim::Won(row) => (row, true),
                // Its own row, from an attempt whose COMMIT succeeded unheard.
                Claim::Lost(row) => {
                    let own = group.claimant.inserted(&row) && !R::has_expired(&row);
                    (row, own)
                }
                Claim::Vanished => {
                    vanished.push(group);
                    continue;
                }
            };
            for follower in group.followers {
                let ending = replay(&follower, &row);
                endings.push((follower, ending));
            }
            let ending = if won {
                Ending::Created(row)
            } else {
                replay(&group.claimant, &row)
            };
            endings.push((group.claimant, ending));
        }
        Settled {
            endings,
            again: Self { groups: vanished },
        }
    }
}
