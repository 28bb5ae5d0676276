//! How far the relays are behind.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect, QueryTrait};
use tokio::time::MissedTickBehavior;

use crate::chain::Chain;
use crate::db::entity::outbox::{Column, Entity};
use crate::db::{Connection, clock};
use crate::telemetry::metrics;

/// How often the table is asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// The most events that are counted.
const COUNTED_MAX: u64 = 100_000;

/// Keeps the metrics of the outbox. Never ends.
///
/// Also for a process without a relay: a relay that is gone reports no lag.
pub async fn watch(reads: Connection) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match measure(&reads).await {
            Ok((backlog, lag)) => metrics().outbox(backlog, lag),
            // What was measured last stays.
            Err(error) => tracing::debug!(error = %Chain(&error), "outbox not measured"),
        }
    }
}

/// The number of events, and the age of the oldest in seconds.
async fn measure(db: &Connection) -> Result<(u32, f64), DbErr> {
    let head = Entity::find()
        .select_only()
        .column(Column::CreatedAt)
        .order_by_asc(Column::Subject)
        .order_by_asc(Column::Id)
        .limit(COUNTED_MAX)
        .into_query();
    let created_at = || Expr::col(("head", Column::CreatedAt));
    let query = Query::select()
        .expr(created_at().count())
        .expr(clock::seconds_since(db, created_at().min()))
        .from_subquery(head, "head")
        .to_owned();
    let Some(row) = db.query_one(&query).await? else {
        return Ok((0, 0.0));
    };
    let backlog: i64 = row.try_get_by_index(0)?;
    let lag: Option<f64> = row.try_get_by_index(1)?;
    // SQLite has whole seconds.
    let lag = lag.unwrap_or_default().max(0.0);
    Ok((u32::try_from(backlog).unwrap_or(u32::MAX), lag))
}
