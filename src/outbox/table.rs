//! What a relay reads and writes in the table of events.
//!
//! A lease is a row's `owner` and `due_at`: until then no other relay takes the event. It is set in
//! a short transaction of its own, so no lock and no transaction is held while an event is published.
//! Only the oldest event of a subject can be leased, and a published event is deleted: so the events
//! of a subject are published one after the other, in the order of their ids.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::sea_query::{Asterisk, Expr, ExprTrait, LockBehavior, LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
};
use uuid::Uuid;

use super::Event;
use super::pause;
use crate::db::entity::chunks;
use crate::db::entity::outbox::{Column, Entity, Model};
use crate::db::{Connection, LockWait, clock};

/// The primary key of an event: subject and id.
pub(super) type Key = (Uuid, Uuid);

/// An event that a relay has leased.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) event: Event,
    /// How often it has failed.
    pub(super) failures: u32,
}

impl Leased {
    pub(super) fn key(&self) -> Key {
        (self.event.subject, self.event.id)
    }
}

impl From<Model> for Leased {
    fn from(row: Model) -> Self {
        Self {
            failures: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            event: row.into(),
        }
    }
}

/// What became of leased events.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// To be deleted.
    pub(super) published: Vec<Key>,
    /// To be published again later, by how often they have failed.
    pub(super) failed: BTreeMap<u32, Vec<Key>>,
    /// Not tried: to be leased by another relay.
    pub(super) returned: Vec<Key>,
}

impl Done {
    pub(super) fn len(&self) -> usize {
        let failed: usize = self.failed.values().map(Vec::len).sum();
        self.published.len() + failed + self.returned.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Which events are looked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scan {
    /// Those that were never leased, of subjects from this one on.
    pub(super) fresh_from: Uuid,
    /// Also those that are due again.
    pub(super) again: bool,
    /// The largest subject that was ever leased. Only those up to it can be due again.
    pub(super) highest: Option<Uuid>,
    /// The most that are leased.
    pub(super) limit: usize,
}

/// The leases of one relay.
#[derive(Debug)]
pub(super) struct Leases {
    pub(super) owner: Uuid,
    pub(super) duration: Duration,
}

impl Leases {
    /// Whether a scan would find anything. Takes no lock.
    pub(super) async fn look(&self, db: &Connection, scan: Scan) -> Result<bool, DbErr> {
        if fresh(scan.fresh_from).limit(1).one(db).await?.is_some() {
            return Ok(true);
        }
        let to = scan.highest.unwrap_or(Uuid::max());
        Ok(scan.again && again(db, to).limit(1).one(db).await?.is_some())
    }

    /// Writes down what became of events, and leases others, in one transaction. Returns those that
    /// were never leased before, then those that are due again.
    pub(super) async fn exchange(
        &self,
        connection: &Connection,
        done: &Done,
        scan: Scan,
    ) -> Result<(Vec<Leased>, Vec<Leased>), DbErr> {
        let txn = connection.begin(LockWait::Full).await?;
        let leased = async {
            self.write_down(&txn, done).await?;
            self.lease(&txn, scan).await
        };
        match leased.await {
            Ok(leased) => {
                txn.commit().await?;
                Ok(leased)
            }
            Err(error) => {
                let _ = txn.rollback().await;
                Err(error)
            }
        }
    }

    async fn write_down(&self, txn: &DatabaseTransaction, done: &Done) -> Result<(), DbErr> {
        for keys in chunks(&done.published) {
            let delete = Entity::delete_many().filter(any_of(keys));
            delete.exec(txn).await?;
        }
        for (failures, keys) in &done.failed {
            let due = clock::after(txn, pause::after(*failures));
            for keys in chunks(keys) {
                Entity::update_many()
                    .col_expr(Column::DueAt, due.clone())
                    .col_expr(Column::Attempts, Expr::value(i64::from(*failures)))
                    .filter(any_of(keys))
                    .filter(Column::Owner.eq(self.owner))
                    .exec(txn)
                    .await?;
            }
        }
        for keys in chunks(&done.returned) {
            Entity::update_many()
                .col_expr(Column::DueAt, Expr::cust("NULL"))
                .filter(any_of(keys))
                .filter(Column::Owner.eq(self.owner))
                .exec(txn)
                .await?;
        }
        Ok(())
    }

    async fn lease(
        &self,
        txn: &DatabaseTransaction,
        scan: Scan,
    ) -> Result<(Vec<Leased>, Vec<Leased>), DbErr> {
        if scan.limit == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        // A quarter is for those that are due again, if there are any: neither stops the other.
        let share = if scan.again {
            scan.limit - scan.limit / 4
        } else {
            scan.limit
        };
        let fresh = take(fresh(scan.fresh_from), txn, share).await?;
        let left = scan.limit - fresh.len();
        let again = if scan.again && left > 0 {
            let last = fresh.last().map(|row| row.subject);
            let to = Ord::max(scan.highest, last).unwrap_or(Uuid::max());
            take(again(txn, to), txn, left).await?
        } else {
            Vec::new()
        };
        let keys: Vec<Key> = fresh
            .iter()
            .chain(&again)
            .map(|row| (row.subject, row.id))
            .collect();
        for keys in chunks(&keys) {
            Entity::update_many()
                .col_expr(Column::Owner, Expr::value(self.owner))
                .col_expr(Column::DueAt, clock::after(txn, self.duration))
                .filter(any_of(keys))
                .exec(txn)
                .await?;
        }
        let leased = |rows: Vec<Model>| rows.into_iter().map(Leased::from).collect();
        Ok((leased(fresh), leased(again)))
    }
}

/// Reads and locks rows, without those that another relay has locked.
async fn take(
    rows: Select<Entity>,
    txn: &DatabaseTransaction,
    limit: usize,
) -> Result<Vec<Model>, DbErr> {
    rows.limit(limit as u64)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(txn)
        .await
}

/// Events that were never leased.
fn fresh(from: Uuid) -> Select<Entity> {
    oldest()
        .filter(Column::DueAt.is_null())
        .filter(Column::Subject.gte(from))
}

/// Events whose lease or pause has ended.
fn again(db: &impl ConnectionTrait, to: Uuid) -> Select<Entity> {
    let now = clock::after(db, Duration::ZERO);
    oldest()
        .filter(Expr::col((Entity, Column::DueAt)).lte(now))
        .filter(Column::Subject.lte(to))
}

/// The oldest event of each subject, in the order of the primary key.
fn oldest() -> Select<Entity> {
    // Not NOT EXISTS, which PostgreSQL may make a join of the whole table.
    let first = Query::select()
        .column(("first", Column::Id))
        .from_as(Entity, "first")
        .and_where(Expr::col(("first", Column::Subject)).equals((Entity, Column::Subject)))
        .order_by(("first", Column::Id), sea_orm::Order::Asc)
        .limit(1)
        .to_owned();
    let first = Expr::SubQuery(None, Box::new(first.into()));
    Entity::find()
        .filter(Expr::col((Entity, Column::Id)).eq(first))
        .order_by_asc(Column::Subject)
        .order_by_asc(Column::Id)
}

/// The events with these keys. Joined to a list of values, because PostgreSQL plans and searches
/// anew for each of many alternatives. The range keeps a plan that reads the index in order from
/// what was deleted before them.
fn any_of(keys: &[Key]) -> Condition {
    let subjects = || keys.iter().map(|(subject, _)| *subject);
    let first = subjects().min().unwrap_or(Uuid::nil());
    let last = subjects().max().unwrap_or(Uuid::max());
    let listed = Query::select()
        .column(Asterisk)
        .from_values(keys.iter().copied(), "keys")
        .to_owned();
    let key = Expr::tuple([Expr::col(Column::Subject), Expr::col(Column::Id)]);
    Condition::all()
        .add(Column::Subject.between(first, last))
        .add(key.in_subquery(listed))
}
