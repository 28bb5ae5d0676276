//! Arguments of the commands that expire keys.

use std::time::Duration;

use clap::Args;

use super::{CliError, parse};
use crate::idempotency::Retention;

/// The longest retention: a hundred years.
const RETENTION_MAX: Duration = Duration::from_hours(24 * 36_525);

/// How long keys are kept.
#[derive(Debug, Args)]
pub(super) struct RetentionArgs {
    /// How long the answer to a key is replayed, at least
    #[arg(long, env = "ORDERS_KEY_RETENTION", default_value = "24h", value_parser = parse::duration, value_name = "DURATION")]
    key_retention: Duration,
    /// How long a late retry is refused with 409, counted like --key-retention
    #[arg(long, env = "ORDERS_TOMBSTONE_RETENTION", default_value = "30d", value_parser = parse::duration, value_name = "DURATION")]
    tombstone_retention: Duration,
}

/// The two do not fit together.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(
        "--key-retention ({}) must not be longer than --tombstone-retention ({})",
        humantime::format_duration(*.0),
        humantime::format_duration(*.1)
    )]
    Order(Duration, Duration),
    #[error("--tombstone-retention must be at most 100 years")]
    TooLong,
}

impl RetentionArgs {
    pub(super) fn retention(&self) -> Result<Retention, CliError> {
        let (answers, tombstones) = (self.key_retention, self.tombstone_retention);
        if answers > tombstones {
            return Err(Error::Order(answers, tombstones).into());
        }
        if tombstones > RETENTION_MAX {
            return Err(Error::TooLong.into());
        }
        Ok(Retention {
            answers,
            tombstones,
        })
    }
}
