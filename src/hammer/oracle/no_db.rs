//! The oracle of the database in a build without the feature `serve`, which has no drivers.

use crate::hammer::contract::StoredShape;
use crate::hammer::history::Order;

/// Why the database cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("this build has no database drivers (the feature `serve`)")]
pub(crate) struct DatabaseError;

/// Nothing that could be opened.
pub(crate) enum Table {}

impl Table {
    /// Refuses.
    #[expect(clippy::unused_async, reason = "as in the build that has drivers")]
    pub(super) async fn open(_: &str, _: &StoredShape) -> Result<Self, DatabaseError> {
        Err(DatabaseError)
    }

    /// Cannot be called.
    #[expect(clippy::unused_async, reason = "as in the build that has drivers")]
    pub(super) async fn read(&self, _: &str, _: &mut Vec<Order>) -> Result<(), DatabaseError> {
        match *self {}
    }
}
