//! Clients, queues and replay caches. A model of `src/idempotency/executor.rs` and `replay.rs`.

use orders::idempotency::batch::{Ending, replay};

use crate::case::{Asks, Case};
use crate::request::{Key, Request, Resource, Row};
use crate::state::State;

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// This request was applied: 201, or the status of the refusal.
    Created(Row),
    /// An earlier request with the same payload was: 200, or the status of the refusal.
    Replayed(Row),
    /// 409: the key belongs to a different payload.
    Reused,
    /// 409: the answer in the row has expired.
    Expired(Row),
    /// 409: another transaction holds the key. The client retries.
    InUse,
    /// 500: the database rejected the request.
    Failed,
    /// 503: the lane found that the deadline had passed.
    TimedOut,
}

/// Answers to requests.
pub type Answers = Vec<(Resource, Answer)>;

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Client {
    /// About to send an attempt.
    Ready {
        /// The attempt, from 0.
        attempt: u8,
    },
    /// Waits for the answer to an attempt.
    Waiting {
        /// The attempt, from 0.
        attempt: u8,
        /// The instance that has the request.
        instance: u8,
    },
    /// Has a final answer.
    Done,
}

/// The replay cache of an instance, by key. `None` if it has no cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replays(Option<Vec<Option<Row>>>);

impl From<Ending<Row>> for Answer {
    fn from(ending: Ending<Row>) -> Self {
        match ending {
            Ending::Created(row) => Self::Created(row),
            Ending::Replayed(row) => Self::Replayed(row),
            Ending::Reused => Self::Reused,
            Ending::Expired(row) => Self::Expired(row),
        }
    }
}

impl Client {
    /// Before its first request.
    pub const UNSENT: Self = Self::Ready { attempt: 0 };
}

impl Replays {
    /// An empty cache.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        Self(case.replays.then(|| vec![None; case.keys()]))
    }

    fn get(&self, key: Key) -> Option<Row> {
        self.0.as_ref().and_then(|rows| rows[usize::from(key)])
    }

    /// Keeps a committed row.
    pub(crate) fn keep(&mut self, row: Row) {
        if let Some(rows) = &mut self.0 {
            rows[usize::from(row.key)] = Some(row);
        }
    }
}

impl State {
    /// A client sends its request to an instance, which answers it from its cache or queues it.
    pub(crate) fn execute(&mut self, case: &Case, client: u8, instance: u8) {
        let Client::Ready { attempt } = self.clients[usize::from(client)] else {
            return;
        };
        self.clients[usize::from(client)] = Client::Waiting { attempt, instance };
        let Asks(key, payload) = case.clients[usize::from(client)];
        let request = Request {
            key,
            payload,
            resource: Resource { client, attempt },
        };
        let lane = &mut self.lanes[usize::from(instance)];
        match lane.replays.get(key) {
            Some(row) => {
                let ending = replay(&request, &row);
                self.deliver(vec![(request.resource, ending.into())]);
            }
            None => lane.queue.push(request),
        }
    }

    /// Delivers answers. A client that has gone does not receive its own.
    pub(crate) fn deliver(&mut self, answers: Answers) {
        for (resource, answer) in answers {
            let client = &mut self.clients[usize::from(resource.client)];
            let attempt = resource.attempt;
            let waits = matches!(client, Client::Waiting { attempt: of, .. } if *of == attempt);
            // The executor answers at the deadline and does not wait for the lane to notice it.
            if waits || answer != Answer::TimedOut {
                self.answers.insert((resource, answer));
            }
            if waits {
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

    /// The deadline of a request passes: the client is told, and the lane will notice.
    pub(crate) fn expire(&mut self, client: u8) {
        if let Client::Waiting { attempt, instance } = self.clients[usize::from(client)] {
            self.lanes[usize::from(instance)].expire(Resource { client, attempt });
            self.give_up(client);
        }
    }
}
