//! Requests that are committed together. A model of `src/idempotency/batch.rs`.

use crate::case::{Key, Payload};
use crate::executor::{Answer, Answers, Replays};
use crate::mutation::{Mutation, Protocol};

/// The id of what a request would make. No other request has the same, so it names the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The client that sent the request.
    pub client: u8,
    /// Which of its attempts.
    pub attempt: u8,
}

/// One request in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Its key.
    pub key: Key,
    /// What it asks for.
    pub payload: Payload,
    /// What it would make.
    pub resource: Resource,
    /// Its deadline has passed.
    pub late: bool,
}

/// A key row: the fingerprint and the id of whose response is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// What was asked for.
    pub payload: Payload,
    /// What was made of it.
    pub resource: Resource,
}

/// What became of the claim of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The key row is the claimant's own.
    Won,
    /// The key row is of an earlier request.
    Lost(Row),
    /// There was a row when the claim was tried and there is none now.
    Vanished,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Group {
    claimant: Request,
    followers: Vec<Request>,
}

/// Groups, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Batch {
    groups: Vec<Group>,
}

/// The answer to a request whose key has an owner.
#[must_use]
pub fn replayed(asked: Payload, stored: Row, protocol: Protocol) -> Answer {
    if asked == stored.payload || protocol.has(Mutation::PayloadNotCompared) {
        Answer::Replayed(stored.resource)
    } else {
        Answer::Reused
    }
}

impl Request {
    /// The row that a claim of it inserts.
    #[must_use]
    pub const fn row(&self) -> Row {
        Row {
            payload: self.payload,
            resource: self.resource,
        }
    }
}

impl Group {
    fn requests(&self) -> impl Iterator<Item = &Request> {
        std::iter::once(&self.claimant).chain(&self.followers)
    }

    fn requests_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        std::iter::once(&mut self.claimant).chain(&mut self.followers)
    }

    fn answer_won(self, replays: &mut Replays, answers: &mut Answers, protocol: Protocol) {
        let stored = self.claimant.row();
        if !self.followers.is_empty() {
            replays.keep(self.claimant.key, stored);
        }
        for follower in self.followers {
            let answer = if protocol.has(Mutation::FollowersCreated) {
                Answer::Created(stored.resource)
            } else {
                replayed(follower.payload, stored, protocol)
            };
            answers.push((follower.resource, answer));
        }
        answers.push((self.claimant.resource, Answer::Created(stored.resource)));
    }
}

impl Batch {
    /// Sorts and groups what was taken from the queue.
    #[must_use]
    pub fn new(mut requests: Vec<Request>, protocol: Protocol) -> Self {
        if !protocol.has(Mutation::UnsortedKeys) {
            // Stable: the order of arrival decides among equals.
            requests.sort_by_key(|request| request.key);
        }
        let mut groups: Vec<Group> = Vec::new();
        for request in requests {
            match groups.iter_mut().find(|g| g.claimant.key == request.key) {
                Some(group) => group.followers.push(request),
                None => groups.push(Group {
                    claimant: request,
                    followers: Vec::new(),
                }),
            }
        }
        Self { groups }
    }

    /// Nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The first request of every key, in the order of the keys.
    pub fn claimants(&self) -> impl Iterator<Item = &Request> {
        self.groups.iter().map(|group| &group.claimant)
    }

    /// Every request.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.groups.iter().flat_map(Group::requests)
    }

    /// Every request, to be changed.
    pub fn requests_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        self.groups.iter_mut().flat_map(Group::requests_mut)
    }

    /// Two halves with whole groups, or the batch itself if it has only one key.
    pub fn halve(mut self) -> Result<(Self, Self), Self> {
        if self.groups.len() < 2 {
            return Err(self);
        }
        let second = self.groups.split_off(self.groups.len() / 2);
        Ok((self, Self { groups: second }))
    }

    /// Gives the same answer to all.
    pub fn refuse(self, answer: Answer, answers: &mut Answers) {
        answers.extend(self.requests().map(|request| (request.resource, answer)));
    }

    /// Refuses the claimant and whoever asked for the same, and keeps the others of its key.
    #[must_use]
    pub fn refuse_claimant(
        self,
        answer: Answer,
        answers: &mut Answers,
        protocol: Protocol,
    ) -> Self {
        let refused = self.claimants().next().map(|claimant| claimant.payload);
        let (alike, others): (Vec<Request>, Vec<Request>) = self
            .requests()
            .partition(|request| Some(request.payload) == refused);
        answers.extend(alike.iter().map(|request| (request.resource, answer)));
        Self::new(others, protocol)
    }

    /// Drops those whose time is up, who have been told so, and keeps the rest. A follower may
    /// become the claimant.
    #[must_use]
    pub fn without_late(self, protocol: Protocol) -> Self {
        let late_group = |group: &Group| group.claimant.late;
        let groups = self.groups.into_iter();
        let waiting = groups
            .filter(|group| !(protocol.has(Mutation::LateTakesFollowers) && late_group(group)))
            .flat_map(|group| group.requests().copied().collect::<Vec<_>>())
            .filter(|request| !request.late);
        Self::new(waiting.collect(), protocol)
    }

    /// Answers every group by what became of its claim, which has been committed. Groups whose
    /// row has vanished are returned: they may claim it anew.
    #[must_use]
    pub fn settle(
        self,
        claims: Vec<Claim>,
        replays: &mut Replays,
        answers: &mut Answers,
        protocol: Protocol,
    ) -> Self {
        let mut vanished = Vec::new();
        for (group, claim) in self.groups.into_iter().zip(claims) {
            match claim {
                Claim::Won => group.answer_won(replays, answers, protocol),
                Claim::Lost(stored) => {
                    replays.keep(group.claimant.key, stored);
                    for request in group.requests() {
                        let stored = if protocol.has(Mutation::LosersGetTheirOwn) {
                            request.row()
                        } else {
                            stored
                        };
                        let answer = replayed(request.payload, stored, protocol);
                        answers.push((request.resource, answer));
                    }
                }
                Claim::Vanished if protocol.has(Mutation::VanishedForgotten) => {}
                Claim::Vanished => vanished.push(group),
            }
        }
        Self { groups: vanished }
    }
}
