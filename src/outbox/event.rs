//! What an event is, and how it is written.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sea_orm::{ActiveValue, DatabaseTransaction, DbErr};
use uuid::Uuid;

use crate::db::entity::{insert_all, outbox};

/// Something that has happened, as consumers hear of it.
///
/// Its attributes are those of CloudEvents 1.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// UUID version 7. An event may be published more than once, always with the same id.
    pub id: Uuid,
    /// URI reference of what the event comes from, such as `/orders`. Not empty.
    pub source: Arc<str>,
    /// What has happened, such as `orders.order.placed`. Not empty.
    pub event_type: Cow<'static, str>,
    /// ID of what it has happened to. Events of one subject are published in the order of their ids.
    pub subject: Uuid,
    /// Whose event it is, where there are tenants.
    pub tenant: Option<String>,
    /// The details, as JSON.
    pub data: Bytes,
}

impl Event {
    /// A new event, with an id of this moment.
    ///
    /// To be called by the constructor of an operation rather than in
    /// [`apply`](crate::idempotency::Operation::apply), which may run several times.
    #[must_use]
    pub fn new(
        source: impl Into<Arc<str>>,
        event_type: impl Into<Cow<'static, str>>,
        subject: Uuid,
        data: Bytes,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            source: source.into(),
            event_type: event_type.into(),
            subject,
            tenant: None,
            data,
        }
    }

    /// The event of a tenant.
    #[must_use]
    pub fn of_tenant(self, tenant: Option<String>) -> Self {
        Self { tenant, ..self }
    }

    /// When it was created.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        let time = self.id.get_timestamp().map(|time| time.to_unix());
        let (seconds, nanoseconds) = time.unwrap_or_default();
        let since = Duration::new(seconds, nanoseconds);
        SystemTime::UNIX_EPOCH
            .checked_add(since)
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn row(&self) -> outbox::ActiveModel {
        outbox::ActiveModel {
            subject: ActiveValue::Set(self.subject),
            id: ActiveValue::Set(self.id),
            source: ActiveValue::Set(self.source.to_string()),
            event_type: ActiveValue::Set(self.event_type.clone().into_owned()),
            tenant: ActiveValue::Set(self.tenant.clone()),
            data: ActiveValue::Set(self.data.to_vec()),
            created_at: ActiveValue::NotSet,
            owner: ActiveValue::NotSet,
            due_at: ActiveValue::NotSet,
            attempts: ActiveValue::NotSet,
        }
    }
}

impl From<outbox::Model> for Event {
    fn from(row: outbox::Model) -> Self {
        Self {
            id: row.id,
            source: row.source.into(),
            event_type: row.event_type.into(),
            subject: row.subject,
            tenant: row.tenant,
            data: row.data.into(),
        }
    }
}

/// Writes events in the transaction of their effects, many with one statement.
///
/// A relay publishes them after the commit, and never if there is none.
pub async fn insert(
    txn: &DatabaseTransaction,
    events: impl IntoIterator<Item = &Event>,
) -> Result<(), DbErr> {
    let rows: Vec<_> = events.into_iter().map(Event::row).collect();
    insert_all(txn, rows).await
}
