//! `orders consume`

#![cfg_attr(
    not(feature = "kafka"),
    allow(dead_code, reason = "without Kafka the arguments are only checked")
)]

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::database::ServedDatabaseArgs;
use super::events::EventArgs;
use super::log::AccessLogArgs;
use super::prepare::{PrepareArgs, check_timeouts};
use super::probes::ProbesArgs;
use super::{CliError, Status, parse};
use crate::idempotency::{InvalidTenant, Tenant};
use crate::kafka::{InvalidKafkaUrl, KafkaUrl};

/// Arguments of `orders consume`.
#[derive(Debug, Args)]
pub(super) struct ConsumeArgs {
    // Not parsed by clap, whose error messages repeat the value, with the password.
    #[arg(
        long,
        help = "Topic of the commands: kafka://HOST:PORT[,HOST:PORT...]/TOPIC",
        long_help = "Topic of the commands\n\n\
                     kafka://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...]/TOPIC. A command is a record \
                     with the payload {\"item\": ..., \"quantity\": ...} and its key in the header \
                     Idempotency-Key. Options of the connection are added as \
                     ?OPTION=VALUE&...: see docs/consumer.md",
        env = "ORDERS_FROM",
        hide_env_values = true,
        value_name = "URL"
    )]
    from: String,
    /// Consumer group, whose members share the partitions
    #[arg(long, env = "ORDERS_GROUP", value_name = "GROUP")]
    group: String,
    /// Topic for records that can never become orders [default: TOPIC.dead-letter]
    #[arg(long, env = "ORDERS_DEAD_LETTER", value_name = "TOPIC")]
    dead_letter: Option<String>,
    /// Tenant that all commands belong to [default: the shared one]
    ///
    /// The same tenant as that of a token or of the header of a gateway. A header of a record cannot
    /// name another.
    #[arg(long, env = "ORDERS_TENANT", value_name = "TENANT")]
    tenant: Option<String>,
    /// Maximum number of commands in one poll, which share a transaction
    #[arg(
        long,
        env = "ORDERS_POLL_MAX",
        default_value = "500",
        value_parser = parse::at_least_one::<NonZeroUsize>,
        value_name = "NUMBER"
    )]
    poll_max: NonZeroUsize,
    /// Size of the payloads at which a poll is full, in bytes
    #[arg(
        long,
        env = "ORDERS_POLL_BYTES_MAX",
        default_value = "4194304",
        value_parser = parse::bytes::<usize>,
        value_name = "BYTES"
    )]
    poll_bytes_max: usize,
    /// How long a poll that has a command waits for more
    #[arg(long, env = "ORDERS_POLL_WAIT", default_value = "5ms", value_parser = parse::duration, value_name = "DURATION")]
    poll_wait: Duration,
    /// Maximum size of a command, in bytes; larger ones are dead letters
    #[arg(
        long,
        env = "ORDERS_COMMAND_MAX",
        default_value = "65536",
        value_parser = parse::bytes::<usize>,
        value_name = "BYTES"
    )]
    command_max: usize,
    /// Time limit for the poll in flight after SIGTERM or Ctrl-C
    #[arg(long, env = "ORDERS_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = parse::duration, value_name = "DURATION")]
    shutdown_timeout: Duration,
    #[command(flatten)]
    probes: ProbesArgs,
    #[command(flatten, next_help_heading = "Database")]
    database: ServedDatabaseArgs,
    #[command(flatten)]
    prepare: PrepareArgs,
    #[command(flatten, next_help_heading = "Events")]
    events: EventArgs,
    #[command(flatten)]
    pub(super) access_log: AccessLogArgs,
}

/// The consumer cannot start.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("--from is not a topic")]
    From(#[source] InvalidKafkaUrl),
    #[error("--dead-letter is not a topic")]
    DeadLetter(#[source] InvalidKafkaUrl),
    #[error(
        "--dead-letter must be another topic than the one of --from, {0}: its records would be \
         consumed again"
    )]
    Loop(String),
    #[error("--tenant is not a tenant")]
    Tenant(#[source] InvalidTenant),
    #[error("--group must not be empty")]
    Group,
}

impl ConsumeArgs {
    /// The topic of the commands, and the one of dead letters.
    fn topics(&self) -> Result<(KafkaUrl, KafkaUrl), Error> {
        let from: KafkaUrl = self.from.parse().map_err(Error::From)?;
        let dead_letter = match &self.dead_letter {
            Some(topic) => from.with_topic(topic),
            None => from.with_topic(&format!("{}.dead-letter", from.topic())),
        };
        let dead_letter = dead_letter.map_err(Error::DeadLetter)?;
        if dead_letter.topic() == from.topic() {
            return Err(Error::Loop(from.topic().to_owned()));
        }
        Ok((from, dead_letter))
    }

    fn tenant(&self) -> Result<Tenant, Error> {
        let tenant = self.tenant.as_deref().map(str::parse);
        let tenant = tenant.transpose().map_err(Error::Tenant)?;
        Ok(tenant.unwrap_or_default())
    }

    fn check(&self) -> Result<(KafkaUrl, KafkaUrl), CliError> {
        let topics = self.topics()?;
        self.tenant()?;
        if self.group.is_empty() {
            return Err(Error::Group.into());
        }
        check_timeouts(&[
            ("--lock-wait", self.database.lock_wait),
            ("--transaction-timeout", self.database.transaction_timeout),
        ])?;
        Ok(topics)
    }

    /// Refuses to run: without Kafka no URL of it parses, and the error names the feature.
    #[cfg(not(feature = "kafka"))]
    pub(super) fn run(self) -> impl Future<Output = Result<Status, CliError>> {
        let refused = match self.check() {
            Ok(_) => Error::From(InvalidKafkaUrl::NoKafka).into(),
            Err(error) => error,
        };
        std::future::ready(Err(refused))
    }
}

#[cfg(feature = "kafka")]
mod running {
    use std::pin::pin;

    use nix::sys::signal::Signal;
    use tokio::signal::unix::{SignalKind, signal};

    use super::{CliError, ConsumeArgs, NonZeroUsize, Status};
    use crate::consumer::{Consumer, Settings};
    use crate::http;
    use crate::idempotency;

    impl ConsumeArgs {
        pub(in crate::cli) async fn run(self) -> Result<Status, CliError> {
            let (from, dead_letter) = self.check()?;
            let mut shutdown = pin!(http::shutdown_signal()?);
            // As in `orders serve`: writing beyond the file size limit is an error like a full disk.
            let _file_size_limit = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
            let relaying = self.events.prepare()?;
            let probes = self.probes.bind().await?;
            let database = tokio::select! {
                database = self.prepare.database(&self.database) => database?,
                () = &mut shutdown => return Ok(Status::Done),
            };
            let settings = Settings {
                from,
                group: self.group.clone(),
                dead_letter,
                tenant: self.tenant()?,
                event_source: self.events.source()?,
                poll_max: self.poll_max,
                poll_bytes_max: self.poll_bytes_max,
                poll_wait: self.poll_wait,
                command_bytes_max: self.command_max,
                shutdown_timeout: self.shutdown_timeout,
            };
            let consumer = Consumer::start(settings.clone(), database.clone(), &self.executor())?;
            let relaying = relaying.start(&database, self.shutdown_timeout);
            let probes = probes.start(database)?;
            tracing::info!(
                from = %settings.from,
                group = settings.group,
                dead_letter = settings.dead_letter.topic(),
                "consuming"
            );
            let ended = consumer.run_until(shutdown).await;
            relaying.stop().await;
            probes.stop().await;
            ended?;
            tracing::info!("stopped");
            Ok(Status::Done)
        }

        /// One lane, so that a poll is one transaction.
        fn executor(&self) -> idempotency::Settings {
            idempotency::Settings {
                lanes: NonZeroUsize::MIN,
                batch_max: self.poll_max,
                queue_max: self.poll_max,
                // What is delivered again is seldom delivered a third time.
                replay_bytes_max: 0,
                // Then the consumer tries again, for as long as it takes.
                request_timeout: self.database.transaction_timeout * 2,
                transaction_timeout: self.database.transaction_timeout,
                ..idempotency::Settings::default()
            }
        }
    }
}
