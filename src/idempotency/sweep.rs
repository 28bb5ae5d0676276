//! Retention: takes expired answers, later the keys themselves.
//!
//! A sweep reads the table of keys in slices, in the order of its storage, and needs no index that
//! every new key would pay for. Each slice with expired rows is one short transaction. An expired
//! row becomes a tombstone in place: the primary key stays, so a claim of the key still meets it.

use std::time::{Duration, Instant};

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::Retention;
use crate::chain::Chain;
use crate::db::entity::idempotency_key::{Column, Entity};
use crate::db::{
    self, ConnectError, Connection, Database, ErrorClass, Lease, LockWait, Slices, clock,
};
use crate::telemetry::{SweepTrigger, SweptRows, metrics};

/// How long a lease lasts if its holder dies during a sweep.
const LEASE: Duration = Duration::from_secs(10);

/// How often the lease is extended during a sweep.
const EXTEND: Duration = Duration::from_secs(3);

/// The pause until the next sweep after one that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);

/// How often a slice is tried while others hold its locks.
const ATTEMPTS: u32 = 5;

/// Why a sweep ended early. What it has taken until then is gone.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("cannot sweep the keys")]
    Database(#[from] DbErr),
}

/// What a sweep has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers that had expired.
    pub answers: u64,
    /// Tombstones that had expired.
    pub tombstones: u64,
}

/// The share of its time that a sweep works. It pauses for the rest.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// A tenth, which new requests hardly notice; up to half, if the sweep would otherwise not end in
    /// time.
    Until(Instant),
    /// Half, for somebody who waits.
    OnDemand,
}

/// Sweeps the keys of a database.
#[derive(Debug, Clone)]
pub struct Sweeper {
    database: Database,
    retention: Retention,
}

impl Sweeper {
    /// A sweeper that does nothing yet.
    #[must_use]
    pub fn new(database: Database, retention: Retention) -> Self {
        Self {
            database,
            retention,
        }
    }

    /// Sweeps all keys once.
    pub async fn sweep(&self) -> Result<Swept, SweepError> {
        let swept = self.sweep_on_demand().await;
        if swept.is_err() {
            metrics().sweep_failed();
        }
        swept
    }

    async fn sweep_on_demand(&self) -> Result<Swept, SweepError> {
        let connection = self.database.background().await?;
        let mut pass = Pass::new(&connection, self.retention, Pace::OnDemand).await?;
        while pass.next().await? {}
        let swept = pass.finish();
        let _ = connection.close().await;
        Ok(swept)
    }

    /// Sweeps again and again, `interval` apart, whenever no other instance does. Never ends.
    pub async fn run(self, interval: Duration) {
        let lease = Lease::new("sweep");
        metrics().sweeper_started();
        loop {
            let pause = match self.sweep_under(&lease, interval).await {
                Ok(swept) => {
                    if swept != Swept::default() {
                        let Swept {
                            answers,
                            tombstones,
                        } = swept;
                        tracing::info!(answers, tombstones, "swept expired keys");
                    }
                    interval
                }
                Err(error) => {
                    metrics().sweep_failed();
                    tracing::warn!(error = %Chain(&error), "sweep failed");
                    interval.min(PAUSE_AFTER_FAILURE)
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sweeps once if the lease is free, and keeps it until the next sweep is due.
    async fn sweep_under(&self, lease: &Lease, interval: Duration) -> Result<Swept, SweepError> {
        let connection = self.database.background().await?;
        if !lease.hold(&connection, LEASE).await? {
            return Ok(Swept::default());
        }
        let mut extended = Instant::now();
        let pace = Pace::Until(Instant::now() + interval);
        let mut pass = Pass::new(&connection, self.retention, pace).await?;
        while pass.next().await? {
            if extended.elapsed() > EXTEND {
                if !lease.hold(&connection, LEASE).await? {
                    return Ok(pass.swept);
                }
                extended = Instant::now();
            }
        }
        let swept = pass.finish();
        lease.hold(&connection, interval).await?;
        let _ = connection.close().await;
        Ok(swept)
    }
}

/// One sweep of all keys.
struct Pass<'a> {
    connection: &'a Connection,
    retention: Retention,
    pace: Pace,
    slices: Slices,
    began: Instant,
    swept: Swept,
}

impl<'a> Pass<'a> {
    async fn new(
        connection: &'a Connection,
        retention: Retention,
        pace: Pace,
    ) -> Result<Self, DbErr> {
        Ok(Self {
            connection,
            retention,
            pace,
            slices: Slices::of(connection, "idempotency_keys").await?,
            began: Instant::now(),
            swept: Swept::default(),
        })
    }

    /// Sweeps the next slice and pauses. Returns `false` after the last one.
    async fn next(&mut self) -> Result<bool, DbErr> {
        let Some(slice) = self.slices.next() else {
            return Ok(false);
        };
        let began = Instant::now();
        let mut attempt = 1;
        let swept = loop {
            match self.sweep(&slice).await {
                Err(error) if attempt < ATTEMPTS && db::class(&error) == ErrorClass::Retry => {
                    attempt += 1;
                }
                swept => break swept?,
            }
        };
        self.swept.answers += swept.answers;
        self.swept.tombstones += swept.tombstones;
        metrics().swept(SweptRows::Answers, swept.answers);
        metrics().swept(SweptRows::Tombstones, swept.tombstones);
        let pause = self.pace.pause(began.elapsed(), self.slices.left());
        tokio::time::sleep(pause).await;
        Ok(true)
    }

    /// What was taken, after the last slice.
    fn finish(self) -> Swept {
        let trigger = match self.pace {
            Pace::Until(_) => SweepTrigger::Interval,
            Pace::OnDemand => SweepTrigger::Demand,
        };
        metrics().sweep_finished(trigger, self.began.elapsed());
        self.swept
    }

    async fn sweep(&self, slice: &Expr) -> Result<Swept, DbErr> {
        let due = Condition::any()
            .add(self.expired_answers())
            .add(self.expired_tombstones());
        // The look takes no lock: most slices have nothing to take.
        let rows = Entity::find().filter(slice.clone()).filter(due);
        if rows.count(self.connection).await? == 0 {
            return Ok(Swept::default());
        }
        let txn = self.connection.begin(LockWait::Full).await?;
        let swept = match self.take(&txn, slice).await {
            Ok(swept) => swept,
            Err(error) => {
                let _ = txn.rollback().await;
                return Err(error);
            }
        };
        txn.commit().await?;
        Ok(swept)
    }

    /// Another sweep may hold rows of the slice. When it commits, they are no longer due.
    async fn take(&self, txn: &DatabaseTransaction, slice: &Expr) -> Result<Swept, DbErr> {
        let answers = Entity::update_many()
            .col_expr(Column::Scope, Expr::value(""))
            .col_expr(Column::Key, Expr::value(""))
            .col_expr(Column::Fingerprint, Expr::value(Vec::<u8>::new()))
            .col_expr(Column::Response, Expr::value(Vec::<u8>::new()))
            .col_expr(Column::RequestId, Expr::value(None::<String>))
            .filter(slice.clone())
            .filter(self.expired_answers())
            .exec(txn)
            .await?;
        let tombstones = Entity::delete_many()
            .filter(slice.clone())
            .filter(self.expired_tombstones())
            .exec(txn)
            .await?;
        Ok(Swept {
            answers: answers.rows_affected,
            tombstones: tombstones.rows_affected,
        })
    }

    fn expired_answers(&self) -> Condition {
        let answers = clock::ago(self.connection, self.retention.answers);
        Condition::all()
            .add(Expr::col(Column::CreatedAt).lt(answers))
            .add(Column::Fingerprint.ne(Vec::<u8>::new()))
    }

    fn expired_tombstones(&self) -> Condition {
        let tombstones = clock::ago(self.connection, self.retention.tombstones);
        Condition::all()
            .add(Expr::col(Column::CreatedAt).lt(tombstones))
            .add(Column::Fingerprint.eq(Vec::<u8>::new()))
    }
}

impl Pace {
    /// The pause after the work on a slice.
    fn pause(self, worked: Duration, slices_left: u32) -> Duration {
        match self {
            Self::Until(end) => {
                let left = end.saturating_duration_since(Instant::now());
                let share = left / Ord::max(slices_left, 1);
                share.clamp(worked, worked * 9)
            }
            Self::OnDemand => worked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_the_time_that_it_has() {
        let worked = Duration::from_millis(10);
        let pause = |left, slices| Pace::Until(Instant::now() + left).pause(worked, slices);
        assert_eq!(pause(Duration::from_hours(1), 100), worked * 9);
        assert_eq!(pause(Duration::ZERO, 100), worked);
        let between = pause(Duration::from_secs(10), 200);
        assert!(between > worked * 4 && between <= worked * 5, "{between:?}");
    }
}
