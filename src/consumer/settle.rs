//! Bringing every record of a poll to its end: an order, or a dead letter.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use rdkafka::message::{Message, OwnedMessage};
use tracing::field;
use uuid::Uuid;

use super::Poison;
use super::command::{Command, CommandRules};
use super::dead_letter::DeadLetters;
use crate::idempotency::{Error, Execution, Executor, RequestId};
use crate::order::PlaceOrder;
use crate::telemetry::{RequestOutcome, metrics};

/// The pauses before a command is executed again. The executor has tried until its deadline.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Where records end.
pub(super) struct Settler {
    pub(super) executor: Executor<PlaceOrder>,
    pub(super) dead_letters: DeadLetters,
    pub(super) rules: CommandRules,
}

/// A record that is a command.
struct Queued<'a> {
    record: &'a OwnedMessage,
    command: Command,
}

impl Settler {
    /// Returns when every record has its order in the database or is in the dead-letter topic.
    pub(super) async fn settle(&self, records: &[OwnedMessage]) {
        metrics().consumer().polled(records.len());
        let mut poison = Vec::new();
        let mut by_key: HashMap<Uuid, Vec<Queued<'_>>> = HashMap::new();
        for record in records {
            match self.rules.parse(record) {
                Ok(command) => {
                    let same_key = by_key.entry(command.key.digest()).or_default();
                    same_key.push(Queued { record, command });
                }
                Err(reason) => {
                    metrics().request(RequestOutcome::Invalid);
                    metrics().consumer().command(RequestOutcome::Invalid);
                    note(record, RequestOutcome::Invalid, None);
                    poison.push((record, reason));
                }
            }
        }
        let executing = by_key
            .into_values()
            .map(|queue| self.execute_in_turn(queue));
        let reused = join_all(executing).await.into_iter().flatten();
        poison.extend(reused.map(|record| (record, Poison::Reused)));
        poison.sort_by_key(|(record, _)| (record.partition(), record.offset()));
        let putting = poison
            .iter()
            .map(|(record, reason)| self.dead_letters.put(record, reason));
        join_all(putting).await;
    }

    /// Executes the commands of one key in the order of their records: the first has the key. Returns
    /// the records whose payload is another.
    async fn execute_in_turn<'a>(&self, queue: Vec<Queued<'a>>) -> Vec<&'a OwnedMessage> {
        let mut reused = Vec::new();
        for Queued { record, command } in queue {
            let execution = self.execute(record, &command).await;
            note(record, execution.outcome(), Some((&command, &execution)));
            metrics().consumer().command(execution.outcome());
            if execution.result == Err(Error::Reused) {
                reused.push(record);
            }
        }
        reused
    }

    /// Executes a command until there is an outcome that lasts.
    ///
    /// An attempt that has failed may have stored the order all the same. The next one has the same
    /// order id, and recognizes it.
    async fn execute(&self, record: &OwnedMessage, command: &Command) -> Execution {
        let place = format!(
            "{}/{}/{}",
            record.topic(),
            record.partition(),
            record.offset()
        );
        let id = RequestId::parse(place.as_bytes());
        let mut pause = PAUSE_MIN;
        loop {
            let attempt = self.executor.execute_in_detail(
                command.key.clone(),
                command.fingerprint,
                command.operation.clone(),
                id.clone(),
            );
            let execution = attempt.await;
            match execution.result {
                Ok(_) | Err(Error::Reused | Error::Expired { .. }) => return execution,
                // The database rejects this very command. It is valid, so this is no poison, but a
                // defect to be repaired, and until then its partition waits.
                Err(Error::Failed) => tracing::error!(
                    topic = record.topic(),
                    partition = record.partition(),
                    offset = record.offset(),
                    cause = execution.cause.as_deref(),
                    "the database rejects a valid command, trying again"
                ),
                Err(Error::InUse | Error::Overloaded | Error::TimedOut | Error::ShuttingDown) => {}
            }
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

/// The line of a command in the access log. Never a key or a payload.
fn note(record: &OwnedMessage, outcome: RequestOutcome, executed: Option<(&Command, &Execution)>) {
    let execution = executed.map(|(_, execution)| execution);
    tracing::info!(
        target: "orders::access",
        topic = record.topic(),
        partition = record.partition(),
        offset = record.offset(),
        outcome = outcome.name(),
        order = execution.and_then(Execution::resource).map(field::display),
        key_digest = executed.map(|(command, _)| field::display(command.key.digest().simple())),
        batch = execution.and_then(|execution| execution.batch),
    );
}
