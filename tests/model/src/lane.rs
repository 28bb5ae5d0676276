//! A lane: one writer, one connection, one batch at a time. A model of
//! `src/idempotency/lane.rs`.

use crate::batch::{Batch, Request, Resource, Row};
use crate::case::Case;
use crate::commit::read_losers;
use crate::database::Transaction;
use crate::executor::{Answer, Answers, Replays};
use crate::mutation::Mutation;

/// How long a claim waits for another transaction that holds its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockWait {
    /// One statement that commits by itself.
    Full,
    /// A transaction in steps, after a full wait ran out on the batch.
    Brief,
}

/// What a failed attempt asks for. A model of `db::Class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The same again. Whether it was committed is unknown (`Unavailable`), or it was not
    /// (`Retry`): the lane does not care.
    Again,
    /// A key was held elsewhere for longer than the lock wait.
    Locked,
    /// The database refused what was written.
    Refused,
}

/// What a lane is doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Between two attempts.
    Idle,
    /// Its transaction runs in the database.
    Transaction(Batch, LockWait, Transaction),
    /// It has heard that the transaction was committed.
    Committed(Batch, LockWait, Transaction),
}

/// One lane. Its instance dies with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane {
    /// What waits.
    pub queue: Vec<Request>,
    /// Batches to do, the next one last.
    pub work: Vec<(Batch, LockWait)>,
    /// The batch in work.
    pub step: Step,
    /// Stored responses in memory.
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
            replays: Replays::new(case),
        }
    }

    /// Whether it has something to begin.
    #[must_use]
    pub fn can_attempt(&self) -> bool {
        self.step == Step::Idle && !(self.queue.is_empty() && self.work.is_empty())
    }

    /// Takes the next batch, or everything that waits, and sends its transaction.
    pub(crate) fn attempt(&mut self, case: &Case, rows: &[Option<Row>]) {
        if self.work.is_empty() {
            let count = self.queue.len().min(case.batch_max);
            let waiting = self.queue.drain(..count).collect();
            self.work
                .push((Batch::new(waiting, case.protocol), LockWait::Full));
        }
        while let Some((batch, lock_wait)) = self.work.pop() {
            let batch = batch.without_late(case.protocol);
            if !batch.is_empty() {
                let transaction = Transaction::new(case, &batch, lock_wait, rows);
                self.step = Step::Transaction(batch, lock_wait, transaction);
                return;
            }
        }
    }

    /// Hears that its transaction was committed.
    pub(crate) fn acknowledge(&mut self) {
        let step = std::mem::replace(&mut self.step, Step::Idle);
        if let Step::Transaction(batch, lock_wait, transaction) = step {
            self.step = Step::Committed(batch, lock_wait, transaction);
        }
    }

    /// Reads the rows of the losers and answers everybody.
    pub(crate) fn settle(&mut self, case: &Case, rows: &[Option<Row>]) -> Answers {
        let mut answers = Answers::new();
        let step = std::mem::replace(&mut self.step, Step::Idle);
        let Step::Committed(batch, lock_wait, transaction) = step else {
            return answers;
        };
        let rows = transaction.snapshot.as_deref().unwrap_or(rows);
        let claims = read_losers(&batch, &transaction.won, rows, case.protocol);
        let vanished = batch.settle(claims, &mut self.replays, &mut answers, case.protocol);
        if !vanished.is_empty() {
            self.work.push((vanished, lock_wait));
        }
        answers
    }

    /// Again after a failure that passes, in halves after one that a single request may be the
    /// reason of.
    pub(crate) fn failed(&mut self, case: &Case, class: Class) -> Answers {
        let mut answers = Answers::new();
        let has = |mutation| case.protocol.has(mutation);
        let step = std::mem::replace(&mut self.step, Step::Idle);
        let (Step::Transaction(batch, lock_wait, _) | Step::Committed(batch, lock_wait, _)) = step
        else {
            return answers;
        };
        match class {
            Class::Again => self.work.push((batch, lock_wait)),
            Class::Refused if has(Mutation::RefusedRunAgain) => self.work.push((batch, lock_wait)),
            Class::Refused if has(Mutation::RefusedAsAWhole) => {
                batch.refuse(Answer::Failed, &mut answers);
            }
            Class::Locked | Class::Refused => match batch.halve() {
                Ok((first, second)) => {
                    let wait = if class == Class::Locked {
                        LockWait::Brief
                    } else {
                        lock_wait
                    };
                    if !has(Mutation::HalfForgotten) {
                        self.work.push((second, wait));
                    }
                    self.work.push((first, wait));
                }
                Err(single) if class == Class::Locked => single.refuse(Answer::InUse, &mut answers),
                Err(single) if has(Mutation::RefusedWithFollowers) => {
                    single.refuse(Answer::Failed, &mut answers);
                }
                Err(single) => {
                    let others =
                        single.refuse_claimant(Answer::Failed, &mut answers, case.protocol);
                    if !others.is_empty() {
                        self.work.push((others, lock_wait));
                    }
                }
            },
        }
        answers
    }

    /// The deadline of one request has passed.
    pub(crate) fn mark_late(&mut self, resource: Resource) {
        let running = match &mut self.step {
            Step::Idle => None,
            Step::Transaction(batch, ..) | Step::Committed(batch, ..) => Some(batch),
        };
        let batches = self
            .work
            .iter_mut()
            .map(|(batch, _)| batch)
            .chain(running)
            .flat_map(Batch::requests_mut);
        for request in self.queue.iter_mut().chain(batches) {
            request.late |= request.resource == resource;
        }
    }

    /// Every request in it.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        let running = match &self.step {
            Step::Idle => None,
            Step::Transaction(batch, ..) | Step::Committed(batch, ..) => Some(batch),
        };
        let work = self.work.iter().map(|(batch, _)| batch);
        self.queue
            .iter()
            .chain(work.chain(running).flat_map(Batch::requests))
    }
}
