//! What is to be sent: cases, rounds and attempts. Data only; how it is sent is `runner`'s business.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::{Fault, ProcessFault};
use super::payload::Payload;
use super::scenario::Scenario;

/// Some keys and what happens to them, from the first attempt to the last planned one.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    /// Played one after another.
    pub(crate) rounds: Vec<Round>,
}

impl Case {
    /// How many attempts it makes.
    pub(crate) fn attempts(&self) -> u64 {
        self.rounds
            .iter()
            .map(|round| round.attempts.len() as u64)
            .sum()
    }
}

/// Attempts that are released together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Round {
    /// Waited before the round: the backoff of a realistic client.
    pub(crate) backoff: Duration,
    /// Wait until every fault of the earlier rounds has landed or has missed.
    pub(crate) after_faults: bool,
    pub(crate) attempts: Vec<PlannedAttempt>,
    pub(crate) process_fault: Option<ProcessFault>,
}

impl Round {
    /// These attempts at once, with nothing around them.
    pub(crate) fn of(attempts: Vec<PlannedAttempt>) -> Self {
        Self {
            attempts,
            ..Self::default()
        }
    }

    /// One attempt alone.
    pub(crate) fn single(attempt: PlannedAttempt) -> Self {
        Self::of(vec![attempt])
    }
}

/// One wire attempt to be made.
#[derive(Debug, Clone)]
pub(crate) struct PlannedAttempt {
    pub(crate) kind: RequestKind,
    /// What the history calls the key. Equal labels are one key.
    pub(crate) key: String,
    /// The values of the `Idempotency-Key` header lines, as bytes on the wire.
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) payload: Payload,
    /// Which instance of the service, counted round.
    pub(crate) instance: usize,
    pub(crate) gate: Gate,
    /// Released this much after the gate opened.
    pub(crate) delay: Duration,
    pub(crate) fault: Fault,
}

impl PlannedAttempt {
    /// A well-formed order under the key `label`, whose header value is `key`.
    pub(crate) fn place(label: &str, key: &str, payload: Payload) -> Self {
        Self {
            kind: RequestKind::Place,
            key: label.to_owned(),
            lines: vec![key.as_bytes().to_vec()],
            payload,
            instance: 0,
            gate: Gate::LastByte,
            delay: Duration::ZERO,
            fault: Fault::None,
        }
    }

    /// The same with another question to the contract.
    pub(crate) fn with_kind(mut self, kind: RequestKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same on another instance.
    pub(crate) fn on_instance(mut self, instance: usize) -> Self {
        self.instance = instance;
        self
    }

    /// The same behind another gate.
    pub(crate) fn with_gate(mut self, gate: Gate) -> Self {
        self.gate = gate;
        self
    }

    /// The same, `delay` after the gate opened.
    pub(crate) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, with a fault on its way.
    pub(crate) fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

/// What an attempt asks of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RequestKind {
    /// A well-formed order.
    Place,
    /// No `Idempotency-Key` line.
    MissingKey,
    /// A key line of nothing, or of blanks.
    BlankKey,
    /// A key of 256 characters, or with bytes that are not visible ASCII.
    BadKey,
    /// Two key lines of different values.
    TwoKeys,
    /// The key as a quoted structured-field string; the contract lets it equal the bare key.
    QuotedKey,
    /// A body that is no valid order.
    BadBody,
}

/// Which bytes wait for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gate {
    /// The last byte of the body: the server has everything but the end.
    LastByte,
    /// The line feed that ends the head, and the body: for servers that look at the key first.
    Header,
    /// Everything: connected, nothing sent.
    Barrier,
}

impl Gate {
    /// How many bytes of a request go out before the gate opens.
    pub(crate) fn split(self, head: usize, total: usize) -> usize {
        match self {
            Self::LastByte => total - 1,
            Self::Header => head - 1,
            Self::Barrier => 0,
        }
    }
}
