//! What is to be sent: cases, rounds and attempts. Data only; the runner sends it.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, ProcessFault};
use super::payload::Payload;
use super::scenario::Scenario;

/// A few keys and everything that happens to them.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    /// Run one after another.
    pub(crate) rounds: Vec<Round>,
}

impl Case {
    /// The number of attempts it makes.
    pub(crate) fn attempts(&self) -> u64 {
        self.rounds
            .iter()
            .map(|round| round.attempts.len() as u64)
            .sum()
    }

    /// The number of orders it makes in a service that makes one per key.
    pub(crate) fn orders(&self) -> u64 {
        let attempts = self.rounds.iter().flat_map(|round| &round.attempts);
        let placing = attempts.filter(|attempt| attempt.kind == RequestKind::Place);
        let keys: HashSet<&str> = placing.map(|attempt| attempt.key.as_str()).collect();
        keys.len() as u64
    }
}

/// Attempts that are released together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Round {
    /// Pause before the round: the backoff of a realistic client.
    pub(crate) backoff: Duration,
    /// Whether to wait until every fault of the previous rounds has landed or missed.
    pub(crate) after_faults: bool,
    pub(crate) attempts: Vec<PlannedAttempt>,
    pub(crate) process_fault: Option<ProcessFault>,
}

impl Round {
    /// A round of these attempts, without backoff or process fault.
    pub(crate) fn of(attempts: Vec<PlannedAttempt>) -> Self {
        Self {
            attempts,
            ..Self::default()
        }
    }

    /// A round of one attempt.
    pub(crate) fn single(attempt: PlannedAttempt) -> Self {
        Self::of(vec![attempt])
    }
}

/// One wire attempt to make.
#[derive(Debug, Clone)]
pub(crate) struct PlannedAttempt {
    pub(crate) kind: RequestKind,
    /// Label of the idempotency key in the history. Equal labels are one key.
    pub(crate) key: String,
    /// Values of the key headers, as bytes on the wire.
    pub(crate) key_headers: Vec<Vec<u8>>,
    pub(crate) payload: Payload,
    /// Index of the instance, wrapped around.
    pub(crate) instance: usize,
    pub(crate) gate: Gate,
    /// Released this much after the gate opened.
    pub(crate) delay: Duration,
    pub(crate) fault: Fault,
    /// How many times as long as usual it waits for its answer.
    pub(crate) patience: u32,
}

impl PlannedAttempt {
    /// A valid order under the key with the label `label` and the header value `key`.
    pub(crate) fn place(label: &str, key: &str, payload: Payload) -> Self {
        Self {
            kind: RequestKind::Place,
            key: label.to_owned(),
            key_headers: vec![key.as_bytes().to_vec()],
            payload,
            instance: 0,
            gate: Gate::LastByte,
            delay: Duration::ZERO,
            fault: Fault::None,
            patience: 1,
        }
    }

    /// Sets the kind of request.
    pub(crate) fn with_kind(mut self, kind: RequestKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the payload.
    pub(crate) fn with_payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Sets the instance.
    pub(crate) fn on_instance(mut self, instance: usize) -> Self {
        self.instance = instance;
        self
    }

    /// Sets the gate.
    pub(crate) fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// Releases it `delay` after the gate opened.
    pub(crate) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the fault on its path.
    pub(crate) fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

/// The kinds of requests, by what they test of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestKind {
    /// A valid order.
    Place,
    /// No key header.
    MissingKey,
    /// An empty key, or one of blanks.
    BlankKey,
    /// A key of 256 characters, or with bytes that are not visible ASCII.
    BadKey,
    /// Two key headers with different values.
    TwoKeys,
    /// The key as a quoted structured-field string, which may equal the bare key.
    QuotedKey,
    /// A body that is not a valid order.
    BadBody,
}

/// Which bytes of a request wait for the release of the round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gate {
    /// The last byte of the body: the server has everything else.
    LastByte,
    /// The line feed that ends the head, and the body: for servers that look at the key first.
    Header,
    /// Everything: connected, nothing sent.
    Barrier,
}

impl Gate {
    /// How many bytes of a request are sent before the gate opens.
    pub(crate) fn split(self, head: usize, total: usize) -> usize {
        match self {
            Self::LastByte => total - 1,
            Self::Header => head - 1,
            Self::Barrier => 0,
        }
    }
}
