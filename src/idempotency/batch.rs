//! Requests that are committed together.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::operation::{Error, Outcome, StoredResponse};
use super::replay::Replays;
use super::{Fingerprint, Operation, ScopedKey};

/// What a waiting caller is told.
pub(super) type Answer = Result<Outcome, Error>;

/// One request in a lane.
pub(super) struct Request<O> {
    pub(super) key: ScopedKey,
    pub(super) fingerprint: Fingerprint,
    pub(super) operation: O,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What became of the claim of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// The key row is the claimant's own.
    Won,
    /// The key row is of an earlier request.
    Lost {
        /// What that request asked for.
        fingerprint: Vec<u8>,
        /// What it got.
        stored: StoredResponse,
    },
    /// There was a row when the claim was tried and there is none now: it was swept.
    Vanished,
}

/// The requests of one key. The first to arrive is the claimant, the rest follow it.
struct Group<O> {
    claimant: Request<O>,
    followers: Vec<Request<O>>,
}

/// Groups, sorted by scope and key.
///
/// All lanes of all instances claim in this order, so batches that overlap cannot deadlock.
pub(super) struct Batch<O> {
    groups: Vec<Group<O>>,
}

/// The answer to a request whose key has an owner.
pub(super) fn replayed(asked: &Fingerprint, fingerprint: &[u8], stored: StoredResponse) -> Answer {
    if asked.as_bytes() == fingerprint {
        Ok(Outcome::Replayed(stored))
    } else {
        Err(Error::Reused)
    }
}

impl<O: Operation> Request<O> {
    fn is_late(&self) -> bool {
        self.deadline <= Instant::now()
    }

    /// Tells the caller. One that has gone is no matter: its retry replays.
    fn answer(self, answer: Answer) {
        let _ = self.reply.send(answer);
    }

    /// Replays what was stored to a request that asked for the same.
    fn replay(self, fingerprint: &[u8], stored: &StoredResponse) {
        let answer = replayed(&self.fingerprint, fingerprint, stored.clone());
        self.answer(answer);
    }
}

impl<O: Operation> Group<O> {
    fn has_key_of(&self, request: &Request<O>) -> bool {
        self.claimant.key == request.key
    }

    fn requests(&self) -> impl Iterator<Item = &Request<O>> {
        std::iter::once(&self.claimant).chain(&self.followers)
    }

    fn into_requests(self) -> impl Iterator<Item = Request<O>> {
        std::iter::once(self.claimant).chain(self.followers)
    }

    /// The claimant has its own order; its followers get the same as if they had come later.
    fn answer_won(self, replays: &Replays) {
        let fingerprint = self.claimant.fingerprint;
        let stored = StoredResponse {
            resource: self.claimant.operation.resource(),
            body: self.claimant.operation.response(),
        };
        if !self.followers.is_empty() {
            replays.keep(&self.claimant.key, fingerprint.as_bytes(), &stored);
        }
        for follower in self.followers {
            follower.replay(fingerprint.as_bytes(), &stored);
        }
        self.claimant.answer(Ok(Outcome::Created(stored)));
    }
}

impl<O: Operation> Batch<O> {
    pub(super) fn new(mut requests: Vec<Request<O>>) -> Self {
        // Stable: the order of arrival decides among equals.
        requests.sort_by(|a, b| a.key.cmp(&b.key));
        let mut groups: Vec<Group<O>> = Vec::with_capacity(requests.len());
        for request in requests {
            match groups.last_mut() {
                Some(group) if group.has_key_of(&request) => group.followers.push(request),
                _ => groups.push(Group {
                    claimant: request,
                    followers: Vec::new(),
                }),
            }
        }
        Self { groups }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The first request of every key, in the order of the keys.
    pub(super) fn claimants(&self) -> impl Iterator<Item = &Request<O>> {
        self.groups.iter().map(|group| &group.claimant)
    }

    /// Two halves with whole groups, or the batch itself if it has only one key.
    pub(super) fn halve(mut self) -> Result<(Self, Self), Self> {
        if self.groups.len() < 2 {
            return Err(self);
        }
        let second = self.groups.split_off(self.groups.len() / 2);
        Ok((self, Self { groups: second }))
    }

    /// Gives the same answer to all.
    pub(super) fn refuse(self, error: Error) {
        for request in self.groups.into_iter().flat_map(Group::into_requests) {
            request.answer(Err(error));
        }
    }

    /// Refuses the first claimant and whoever asked for the same. The others of its key asked for
    /// something else, which may pass: they are kept, and the first of them claims.
    pub(super) fn refuse_claimant(self, error: Error) -> Self {
        let refused = self.claimants().next().map(|request| request.fingerprint);
        let requests = self.groups.into_iter().flat_map(Group::into_requests);
        let (alike, others): (Vec<_>, Vec<_>) =
            requests.partition(|request| Some(request.fingerprint) == refused);
        for request in alike {
            request.answer(Err(error));
        }
        Self::new(others)
    }

    /// Answers those whose time is up and keeps the rest.
    pub(super) fn without_late(self) -> Self {
        if !self.requests().any(Request::is_late) {
            return self;
        }
        let requests = self.groups.into_iter().flat_map(Group::into_requests);
        let (late, waiting): (Vec<_>, Vec<_>) = requests.partition(Request::is_late);
        for request in late {
            request.answer(Err(Error::TimedOut));
        }
        Self::new(waiting)
    }

    /// How long the most patient request can still wait.
    pub(super) fn patience(&self) -> Duration {
        let last = self.requests().map(|request| request.deadline).max();
        last.map_or(Duration::ZERO, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        })
    }

    /// Answers every group by what became of its claim, which has been committed. Groups whose
    /// row has vanished are returned: they may claim it anew.
    pub(super) fn settle(self, claims: Vec<Claim>, replays: &Replays) -> Self {
        let mut vanished = Vec::new();
        for (group, claim) in self.groups.into_iter().zip(claims) {
            match claim {
                Claim::Won => group.answer_won(replays),
                Claim::Lost {
                    fingerprint,
                    stored,
                } => {
                    replays.keep(&group.claimant.key, &fingerprint, &stored);
                    for request in group.into_requests() {
                        request.replay(&fingerprint, &stored);
                    }
                }
                Claim::Vanished => vanished.push(group),
            }
        }
        Self { groups: vanished }
    }

    fn requests(&self) -> impl Iterator<Item = &Request<O>> {
        self.groups.iter().flat_map(Group::requests)
    }
}
