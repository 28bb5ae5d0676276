//! The loop of a lane, without channels and clock. A model of `src/idempotency/lane.rs`.

use std::collections::BTreeSet;

use orders::db::{ErrorClass, LockWait};
use orders::idempotency::batch::{Batch, Ending, Next};

use crate::case::Case;
use crate::commit::Transaction;
use crate::executor::{Answer, Answers, Replays};
use crate::mutation::Mutation;
use crate::request::{Request, Resource, Row};

/// What a lane does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Between two attempts.
    Idle,
    /// Waits for its transaction.
    Transaction(Batch<Request>, LockWait, Transaction),
    /// Knows that the transaction is committed, and reads the losers.
    Committed(Batch<Request>, LockWait, Transaction),
}

/// One lane. Its instance dies with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Requests that wait for a batch.
    pub queue: Vec<Request>,
    /// Batches to run, the next one last.
    pub work: Vec<(Batch<Request>, LockWait)>,
    /// The current attempt.
    pub step: Step,
    /// Requests in this lane whose deadline has passed.
    pub expired: BTreeSet<Resource>,
    /// The instance's replay cache.
    pub replays: Replays,
}

impl Lane {
    /// The lane of an instance that has just started.
    #[must_use]
    pub fn new(case: &Case) -> Self {
        Self {
            queue: Vec::new(),
            work: Vec::new(),
            step: Step::Idle,
            expired: BTreeSet::new(),
            replays: Replays::new(case),
        }
    }

    /// Whether there is something to run.
    #[must_use]
    pub fn can_attempt(&self) -> bool {
        self.step == Step::Idle && !(self.queue.is_empty() && self.work.is_empty())
    }

    /// Begins the transaction of the next batch, or of everything that waits.
    pub(crate) fn attempt(&mut self, case: &Case, rows: &[Option<Row>]) -> Answers {
        let mut answers = Answers::new();
        if self.work.is_empty() {
            let count = self.queue.len().min(case.batch_max);
            let batch = Batch::new(self.queue.drain(..count).collect());
            self.work.push((batch, LockWait::Full));
        }
        while let Some((batch, lock_wait)) = self.work.pop() {
            let is_expired = |request: &Request| self.expired.contains(&request.resource);
            let (expired, batch) = batch.drop_expired(is_expired);
            fail(expired, Answer::TimedOut, &mut answers);
            if !batch.is_empty() {
                let transaction = Transaction::new(case, &batch, rows);
                self.step = Step::Transaction(batch, lock_wait, transaction);
                break;
            }
        }
        self.forget_answered();
        answers
    }

    /// COMMIT is acknowledged.
    pub(crate) fn acknowledge(&mut self) {
        let step = std::mem::replace(&mut self.step, Step::Idle);
        if let Step::Transaction(batch, lock_wait, transaction) = step {
            self.step = Step::Committed(batch, lock_wait, transaction);
        }
    }

    /// Answers a committed batch.
    pub(crate) fn settle(&mut self, case: &Case, rows: &[Option<Row>]) -> Answers {
        let mut answers = Answers::new();
        let step = std::mem::replace(&mut self.step, Step::Idle);
        let Step::Committed(batch, lock_wait, transaction) = step else {
            return answers;
        };
        let settled = batch.settle(transaction.read_losers(rows, case.protocol));
        for (request, ending) in settled.endings {
            if let Ending::Replayed(row) = &ending {
                self.replays.keep(*row);
            }
            answers.push((request.resource, ending.into()));
        }
        if !case.protocol.has(Mutation::VanishedForgotten) {
            self.push(settled.again, lock_wait);
        }
        self.forget_answered();
        answers
    }

    /// Handles a failed attempt.
    pub(crate) fn failed(&mut self, case: &Case, class: ErrorClass) -> Answers {
        let mut answers = Answers::new();
        let step = std::mem::replace(&mut self.step, Step::Idle);
        let (Step::Transaction(batch, lock_wait, _) | Step::Committed(batch, lock_wait, _)) = step
        else {
            return answers;
        };
        match batch.after(class, lock_wait) {
            Next::Retry(batch) => self.push(batch, lock_wait),
            Next::Bisect(first, second, lock_wait) => {
                if !case.protocol.has(Mutation::HalfForgotten) {
                    self.push(second, lock_wait);
                }
                self.push(first, lock_wait);
            }
            Next::InUse(requests) => fail(requests, Answer::InUse, &mut answers),
            Next::Reject(requests, rest) => {
                fail(requests, Answer::Failed, &mut answers);
                if !case.protocol.has(Mutation::RestForgotten) {
                    self.push(rest, lock_wait);
                }
            }
        }
        self.forget_answered();
        answers
    }

    fn push(&mut self, batch: Batch<Request>, lock_wait: LockWait) {
        if !batch.is_empty() {
            self.work.push((batch, lock_wait));
        }
    }

    /// The deadline of a request has passed.
    pub(crate) fn expire(&mut self, resource: Resource) {
        self.expired.insert(resource);
        self.forget_answered();
    }

    fn forget_answered(&mut self) {
        if self.expired.is_empty() {
            return;
        }
        let here: BTreeSet<Resource> = self.requests().map(|request| request.resource).collect();
        self.expired.retain(|resource| here.contains(resource));
    }

    /// Every request in the lane.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let current = match &self.step {
            Step::Idle => None,
            Step::Transaction(batch, ..) | Step::Committed(batch, ..) => Some(batch),
        };
        let work = self.work.iter().map(|(batch, _)| batch);
        let batches = work.chain(current).flat_map(Batch::requests);
        self.queue.iter().chain(batches)
    }
}

fn fail(requests: Vec<Request>, answer: Answer, answers: &mut Answers) {
    let failed = requests.into_iter();
    answers.extend(failed.map(|request| (request.resource, answer)));
}
