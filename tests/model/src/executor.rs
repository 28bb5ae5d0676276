//! The clients, and the queue in front of the lanes. A model of `src/idempotency/executor.rs` and
//! `replay.rs`.

use crate::batch::{Request, Resource, Row, replayed};
use crate::case::{Asks, Case, Key};
use crate::state::State;

/// What a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// 201, with the id of the order.
    Created(Resource),
    /// 200, with the id of the order.
    Replayed(Resource),
    /// 409: the key belongs to another payload.
    Reused,
    /// 409: the key is held elsewhere. The client tries again.
    InUse,
    /// 500: the database refused the request.
    Failed,
}

/// Answers on their way, and whose they are.
pub type Answers = Vec<(Resource, Answer)>;

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// About to send an attempt.
    Ready {
        /// Which one.
        attempt: u8,
    },
    /// Waiting for the answer to an attempt.
    Waiting {
        /// Which one.
        attempt: u8,
        /// Who was asked.
        instance: u8,
    },
    /// It has an answer that is final.
    Done,
}

/// What an instance keeps of what it replayed, by key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replays(Option<Vec<Option<Row>>>);

impl Replays {
    /// Nothing kept yet, or nothing kept ever.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        Self(case.replays.then(|| vec![None; case.keys()]))
    }

    fn get(&self, key: Key) -> Option<Row> {
        self.0.as_ref().and_then(|rows| rows[usize::from(key)])
    }

    /// Keeps what is known to be committed.
    pub fn keep(&mut self, key: Key, stored: Row) {
        if let Some(rows) = &mut self.0 {
            rows[usize::from(key)] = Some(stored);
        }
    }
}

impl State {
    /// A client asks an instance: it is answered from memory, or queued.
    pub(crate) fn execute(&mut self, case: &Case, client: u8, attempt: u8, instance: u8) {
        let Asks(key, payload) = case.clients[usize::from(client)];
        let resource = Resource { client, attempt };
        self.clients[usize::from(client)] = Client::Waiting { attempt, instance };
        let lane = &mut self.lanes[usize::from(instance)];
        match lane.replays.get(key) {
            Some(stored) => {
                self.deliver(vec![(resource, replayed(payload, stored, case.protocol))]);
            }
            None => lane.queue.push(Request {
                key,
                payload,
                resource,
                late: false,
            }),
        }
    }

    /// Sends answers. A client that has gone does not hear its own.
    pub(crate) fn deliver(&mut self, answers: Answers) {
        for (resource, answer) in answers {
            self.answers.insert((resource, answer));
            let client = &mut self.clients[usize::from(resource.client)];
            let Client::Waiting { attempt, .. } = *client else {
                continue;
            };
            if attempt == resource.attempt {
                *client = match answer {
                    Answer::InUse => Client::Ready {
                        attempt: attempt + 1,
                    },
                    _ => Client::Done,
                };
            }
        }
    }

    /// A client hangs up, or its answer is lost on the way. The request goes on without it.
    pub(crate) fn give_up(&mut self, client: u8) {
        let client = &mut self.clients[usize::from(client)];
        if let Client::Waiting { attempt, .. } = *client {
            *client = Client::Ready {
                attempt: attempt + 1,
            };
        }
    }

    /// The time of a request is up: its client is told, and the lane will see it.
    pub(crate) fn deadline(&mut self, client: u8) {
        if let Client::Waiting { attempt, instance } = self.clients[usize::from(client)] {
            let resource = Resource { client, attempt };
            self.lanes[usize::from(instance)].mark_late(resource);
            self.give_up(client);
        }
    }
}
