//! The life of a consumer.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::{Message, OwnedMessage};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::command::CommandRules;
use super::dead_letter::DeadLetters;
use super::member::Member;
use super::poll::{Poll, collect, commit, receive};
use super::settle::Settler;
use super::{ConsumeError, Settings};
use crate::chain::Chain;
use crate::db::Database;
use crate::idempotency::{self, Executor, Lanes};
use crate::kafka;

/// How long a poll may be in flight before the member stops fetching, and serves the group meanwhile.
/// Without that the group would exclude it after `max.poll.interval.ms`.
const PATIENCE: Duration = Duration::from_secs(1);

/// The minimum time for offsets, group and lanes to end, whatever the shutdown timeout is.
const CLOSE_TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// A member of a consumer group that places orders.
pub struct Consumer {
    member: StreamConsumer<Member>,
    settler: Settler,
    lanes: Lanes,
    database: Database,
    settings: Settings,
}

/// Whether a poll was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settled {
    Yes,
    /// The shutdown timeout passed first.
    No,
}

impl Consumer {
    /// Joins the group and starts the lanes. Brokers need not be up.
    pub fn start(
        settings: Settings,
        database: Database,
        executor: &idempotency::Settings,
    ) -> Result<Self, ConsumeError> {
        let consumer = kafka::consumer(&settings.from, &settings.group, Member::default())?;
        let dead_letters = DeadLetters::new(&settings.dead_letter, &settings.group)?;
        let topic = settings.from.topic();
        let subscribed = consumer.subscribe(&[topic]);
        subscribed.map_err(|source| ConsumeError::Subscribe {
            topic: topic.to_owned(),
            source,
        })?;
        let started = Executor::start(&database, executor);
        let (executor, lanes) = started.map_err(ConsumeError::Executor)?;
        Ok(Self {
            member: consumer,
            settler: Settler {
                executor,
                dead_letters,
                rules: CommandRules {
                    bytes_max: settings.command_bytes_max,
                    tenant: settings.tenant.clone(),
                    event_source: settings.event_source.clone(),
                },
            },
            lanes,
            database,
            settings,
        })
    }

    /// Consumes until `shutdown` completes. Then settles the poll in flight, commits its offsets and
    /// leaves the group, within the shutdown timeout.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), ConsumeError> {
        let mut stop = Stop {
            shutdown: pin!(shutdown),
            began: None,
            timeout: self.settings.shutdown_timeout,
        };
        let ended = self.consume(&mut stop).await;
        let began = stop.began.unwrap_or_else(Instant::now);
        let deadline = began + self.settings.shutdown_timeout;
        self.close(deadline.max(Instant::now() + CLOSE_TIMEOUT_MIN))
            .await;
        ended
    }

    async fn consume(
        &self,
        stop: &mut Stop<'_, impl Future<Output = ()>>,
    ) -> Result<(), ConsumeError> {
        let mut carried = Poll::default();
        while stop.began.is_none() {
            let collecting = collect(&self.member, &self.settings, carried);
            let poll = tokio::select! {
                () = stop.requested() => break,
                poll = collecting => poll?,
            };
            carried = Poll::default();
            if self.settle(poll.records(), stop, &mut carried).await? == Settled::No {
                tracing::warn!(
                    "shutdown timeout: the last poll was not settled, it will be delivered again"
                );
                break;
            }
            self.store_offsets(poll.records());
            commit(&self.member);
        }
        Ok(())
    }

    /// Settles a poll. If that takes long, fetches nothing more, and takes part in rebalances.
    async fn settle(
        &self,
        records: &[OwnedMessage],
        stop: &mut Stop<'_, impl Future<Output = ()>>,
        carried: &mut Poll,
    ) -> Result<Settled, ConsumeError> {
        let mut settling = pin!(self.settler.settle(records));
        match timeout(PATIENCE, settling.as_mut()).await {
            Ok(()) => return Ok(Settled::Yes),
            Err(_elapsed) => self.set_paused(true),
        }
        let settled = loop {
            tokio::select! {
                () = settling.as_mut() => break Settled::Yes,
                () = stop.passed() => break Settled::No,
                // There may be a few in spite of the pause.
                record = receive(&self.member), if !carried.is_full(&self.settings) => {
                    carried.push(record?);
                }
            }
        };
        self.set_paused(false);
        Ok(settled)
    }

    /// Pauses or resumes what is assigned. A partition that is not paused is only fetched ahead.
    fn set_paused(&self, paused: bool) {
        self.member.client().context().set_paused(paused);
        let changed = self.member.assignment().and_then(|partitions| {
            if paused {
                self.member.pause(&partitions)
            } else {
                self.member.resume(&partitions)
            }
        });
        if let Err(error) = changed {
            tracing::warn!(error = %Chain(&error), paused, "cannot pause or resume");
        }
    }

    /// Stores the offset after the last record of each partition, which the next commit takes.
    fn store_offsets(&self, records: &[OwnedMessage]) {
        let mut last: HashMap<i32, i64> = HashMap::new();
        for record in records {
            let offset = last.entry(record.partition()).or_default();
            *offset = record.offset().max(*offset);
        }
        for (partition, offset) in last {
            let topic = self.settings.from.topic();
            // The call adds one. It refuses a partition that was revoked, whose next owner commits.
            if let Err(error) = self.member.store_offset(topic, partition, offset) {
                tracing::debug!(partition, error = %Chain(&error), "the offset is not ours to commit");
            }
        }
    }

    /// Commits, leaves the group, and ends the lanes.
    async fn close(self, deadline: Instant) {
        let consumer = self.member;
        let leaving = tokio::task::spawn_blocking(move || {
            if let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
                tracing::debug!(error = %Chain(&error), "nothing to commit");
            }
            drop(consumer);
        });
        if timeout_at(deadline, leaving).await.is_err() {
            tracing::warn!(
                "shutdown timeout: the group was not left, and offsets may not be committed"
            );
        }
        drop(self.settler);
        let _ = timeout_at(deadline, self.lanes.drained()).await;
        let _ = timeout_at(deadline, self.database.close()).await;
    }
}

/// The request to stop, and how long what is in flight has from then on.
struct Stop<'a, F> {
    shutdown: Pin<&'a mut F>,
    began: Option<Instant>,
    timeout: Duration,
}

impl<F: Future<Output = ()>> Stop<'_, F> {
    /// Completes when it is requested.
    async fn requested(&mut self) {
        if self.began.is_none() {
            self.shutdown.as_mut().await;
            self.began = Some(Instant::now());
        }
    }

    /// Completes when the time is over.
    async fn passed(&mut self) {
        self.requested().await;
        let began = self.began.unwrap_or_else(Instant::now);
        sleep_until(began + self.timeout).await;
    }
}
