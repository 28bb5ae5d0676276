//! The flags of the replay tier.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{CliError, parse};
use crate::idempotency::{ReplayTier, Retention};
use crate::redis::{Redis, Settings};

/// Where stored answers are shared.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub(super) struct RedisArgs {
    /// Redis that instances share replays in; redis:// or rediss:// (TLS)
    #[arg(
        long,
        env = "ORDERS_REDIS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    redis_url: Option<String>,
    /// Time limit for Redis; then the database is asked
    #[arg(long, env = "ORDERS_REDIS_TIMEOUT", default_value = "50ms", value_parser = parse::duration, value_name = "DURATION")]
    redis_timeout: Duration,
    /// How long an answer stays in Redis; at most --key-retention
    #[arg(long, env = "ORDERS_REDIS_LIFETIME", default_value = "5m", value_parser = parse::duration, value_name = "DURATION")]
    redis_lifetime: Duration,
}

impl RedisArgs {
    /// Begins to connect. The service does not wait for it.
    pub(super) fn start(
        &self,
        retention: &Retention,
    ) -> Result<Option<Arc<dyn ReplayTier>>, CliError> {
        let Some(url) = &self.redis_url else {
            return Ok(None);
        };
        let settings = Settings {
            timeout: self.redis_timeout,
            lifetime: self.redis_lifetime.min(retention.answers),
        };
        Ok(Some(Arc::new(Redis::start(url, settings)?)))
    }
}
