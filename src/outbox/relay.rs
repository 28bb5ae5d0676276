//! The loop that publishes events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::error::{PublishError, Wish};
use super::outage::Outage;
use super::scan::Place;
use super::sink::Sink;
use super::table::{Done, Leased, Leases, Scan};
use crate::chain::Chain;
use crate::db::{ConnectError, Connection, Database};
use crate::telemetry::metrics;

/// The most events that a relay has leased.
const LEASED_MAX: usize = 512;

/// Events that wait for each that may be published at once: one that waits for long is given back.
const WAITING_MAX: usize = 8;

/// How often an idle relay looks for events.
const POLL: Duration = Duration::from_millis(100);

/// How long what is done may wait for more of it.
const GATHER: Duration = Duration::from_millis(20);

/// Time limit for one transaction of the relay. Then its connection is given up.
const TRANSACTION: Duration = Duration::from_secs(10);

/// The pause after the database has failed.
const DATABASE_PAUSE: Duration = Duration::from_millis(500);

/// The database counts whole seconds in places, and clocks run a little differently.
const TOLERANCE: Duration = Duration::from_secs(2);

/// A relay ends although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// Nobody reads the events.
    #[error("the sink is closed")]
    Closed(#[source] PublishError),
}

/// Why a transaction of the relay failed.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("cannot read or write the outbox")]
    Database(#[from] DbErr),
    #[error("the database did not answer within {TRANSACTION:?}")]
    NoAnswer,
}

/// Publishes the events of a database to a sink.
///
/// Several relays may run on one database. Every event is published at least once, and one that was
/// published more often has the same id each time.
#[derive(Debug)]
pub struct Relay {
    database: Database,
    connection: Option<Connection>,
    sink: Arc<Sink>,
    leases: Leases,
    place: Place,
    outage: Outage,
    /// Leased, and not yet being published, with the last moment to begin.
    waiting: VecDeque<(Leased, Instant)>,
    publishing: JoinSet<Published>,
    done: Done,
    exchange_at: Instant,
    database_failed: bool,
}

type Published = (Leased, Result<(), PublishError>);

impl Relay {
    /// A relay that does nothing yet.
    #[must_use]
    pub fn new(database: Database, sink: Sink) -> Self {
        let duration = sink.timeout() * 3 + TOLERANCE;
        Self {
            database,
            connection: None,
            sink: Arc::new(sink),
            leases: Leases {
                owner: Uuid::now_v7(),
                duration,
            },
            place: Place::default(),
            outage: Outage::default(),
            waiting: VecDeque::new(),
            publishing: JoinSet::new(),
            done: Done::default(),
            exchange_at: Instant::now(),
            database_failed: false,
        }
    }

    /// Publishes until `stop` completes. Then ends what is being published, and gives back what is
    /// not, within `stop_timeout`.
    pub async fn run_until(
        mut self,
        stop: impl Future<Output = ()>,
        stop_timeout: Duration,
    ) -> Result<(), RelayError> {
        let mut stop = std::pin::pin!(stop);
        let ended = loop {
            self.begin_publishing();
            let at = tokio::time::Instant::from_std(self.next_exchange());
            tokio::select! {
                () = &mut stop => break Ok(()),
                Some(published) = self.publishing.join_next() => {
                    if let Err(error) = self.settle(published) {
                        break Err(error);
                    }
                }
                () = tokio::time::sleep_until(at) => self.exchange().await,
            }
        };
        if tokio::time::timeout(stop_timeout, self.finish())
            .await
            .is_err()
        {
            tracing::warn!("stopped before all events were settled: some will be published again");
        }
        ended
    }

    /// Begins to publish as many as the sink may get.
    fn begin_publishing(&mut self) {
        let now = Instant::now();
        let in_flight_max = self.sink.in_flight_max();
        let mut allowed = self
            .outage
            .allows(now, in_flight_max, self.publishing.len());
        while allowed > 0
            && let Some((leased, until)) = self.waiting.pop_front()
        {
            // Otherwise the lease may end first, and another relay publishes it.
            if now >= until {
                self.done.returned.push(leased.key());
            } else {
                let sink = Arc::clone(&self.sink);
                self.publishing.spawn(async move {
                    let result = sink.publish(&leased.event).await;
                    (leased, result)
                });
                allowed -= 1;
            }
        }
    }

    /// Notes what became of the events that are no longer being published.
    fn settle(
        &mut self,
        first: Result<Published, tokio::task::JoinError>,
    ) -> Result<(), RelayError> {
        if self.done.is_empty() && !self.database_failed {
            self.exchange_at = self.exchange_at.min(Instant::now() + GATHER);
        }
        let mut next = Some(first);
        while let Some(published) = next {
            match published {
                Ok((leased, result)) => self.settle_one(&leased, result)?,
                // Its lease ends by itself.
                Err(error) => tracing::error!(%error, "publishing an event panicked"),
            }
            next = self.publishing.try_join_next();
        }
        Ok(())
    }

    fn settle_one(
        &mut self,
        leased: &Leased,
        result: Result<(), PublishError>,
    ) -> Result<(), RelayError> {
        let sink = self.sink.name();
        let Err(error) = result else {
            metrics().event_published(sink);
            self.outage.published(sink.name());
            self.done.published.push(leased.key());
            return Ok(());
        };
        metrics().event_failed(sink);
        if error.wish == Wish::End {
            self.done.returned.push(leased.key());
            return Err(RelayError::Closed(error));
        }
        let failures = leased.failures.saturating_add(1);
        let event = leased.event.id;
        if failures.is_multiple_of(10) || failures == 1 && self.outage.until().is_none() {
            tracing::warn!(%event, failures, %error, "event not published, tried again later");
        } else {
            tracing::debug!(%event, failures, %error, "event not published, tried again later");
        }
        self.outage.failed(Instant::now(), &error, sink.name());
        let failed = self.done.failed.entry(failures).or_default();
        failed.push(leased.key());
        Ok(())
    }

    /// When the database is due.
    fn next_exchange(&self) -> Instant {
        let idle = self.waiting.is_empty() && self.publishing.is_empty();
        let enough = self.done.len() >= LEASED_MAX / 2 || idle && !self.done.is_empty();
        if enough && !self.database_failed {
            self.exchange_at.min(Instant::now())
        } else {
            self.exchange_at
        }
    }

    /// Writes down what is done, and leases more.
    async fn exchange(&mut self) {
        let began = Instant::now();
        let room = self.room(began);
        let scan = self.place.scan(began, room);
        let exchanged = tokio::time::timeout(TRANSACTION, self.try_exchange(scan)).await;
        let failure = match exchanged.unwrap_or(Err(ExchangeError::NoAnswer)) {
            Ok((fresh, again)) => {
                self.database_failed = false;
                self.place.found(began, scan, &fresh, &again);
                let found = fresh.len() + again.len();
                // The lease began after `began`, so it ends later than this.
                let reserve = self.sink.timeout() + TOLERANCE;
                let until = began + self.leases.duration.saturating_sub(reserve);
                let leased = fresh.into_iter().chain(again);
                self.waiting.extend(leased.map(|leased| (leased, until)));
                let more = found > 0 && found == scan.limit;
                self.exchange_at = began + if more { GATHER } else { POLL };
                return;
            }
            Err(failure) => failure,
        };
        if !std::mem::replace(&mut self.database_failed, true) {
            let error = Chain(&failure);
            tracing::warn!(%error, "the outbox cannot be read, tried again");
        }
        // Dropped rather than closed: an interrupted transaction leaves it in an unknown state.
        self.connection = None;
        self.place.not_found();
        self.exchange_at = Instant::now() + DATABASE_PAUSE.mul_f64(0.5 + fastrand::f64());
    }

    /// How many more events may be leased.
    fn room(&self, now: Instant) -> usize {
        let busy = self.waiting.len() + self.publishing.len();
        let most = self.sink.in_flight_max().saturating_mul(WAITING_MAX);
        match self.outage.until() {
            None => LEASED_MAX.min(most).saturating_sub(busy),
            Some(_) => self.outage.allows(now, 1, busy),
        }
    }

    async fn try_exchange(
        &mut self,
        scan: Scan,
    ) -> Result<(Vec<Leased>, Vec<Leased>), ExchangeError> {
        if self.connection.is_none() {
            self.connection = Some(self.database.background().await?);
        }
        let Some(connection) = &self.connection else {
            return Ok((Vec::new(), Vec::new()));
        };
        let idle = self.done.is_empty();
        if idle && (scan.limit == 0 || !self.leases.look(connection, scan).await?) {
            return Ok((Vec::new(), Vec::new()));
        }
        let leased = self.leases.exchange(connection, &self.done, scan).await?;
        self.done = Done::default();
        Ok(leased)
    }

    /// Ends what is being published, and gives back what is not.
    async fn finish(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let waiting = waiting.iter().map(|(leased, _)| leased.key());
        self.done.returned.extend(waiting);
        while let Some(published) = self.publishing.join_next().await {
            // The relay ends anyway.
            let _ = self.settle(published);
        }
        let nothing = Scan::default();
        while !self.done.is_empty() {
            match self.try_exchange(nothing).await {
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(error = %Chain(&error), "the outbox cannot be written");
                    self.connection = None;
                    tokio::time::sleep(DATABASE_PAUSE).await;
                }
            }
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }
}
