//! Attempts: what was sent, what came back, and how much is known of the effect.

use serde::{Deserialize, Serialize};

use crate::hammer::workload::{Fault, Gate, Payload, RequestKind, Scenario, Spelling, Variant};

/// An attempt as it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invoked {
    /// Number of the attempt, from 1.
    pub(crate) n: u64,
    pub(crate) t: u64,
    pub(crate) scenario: Scenario,
    /// Label of the idempotency key. Equal labels are one key.
    pub(crate) key: String,
    /// Values of the key headers, as far as they are text.
    #[serde(rename = "lines")]
    pub(crate) key_headers: Vec<String>,
    #[serde(rename = "ask")]
    pub(crate) kind: RequestKind,
    #[serde(rename = "payload")]
    pub(crate) variant: Variant,
    pub(crate) spelling: Spelling,
    pub(crate) item: String,
    pub(crate) quantity: u32,
    /// Index of the instance it was sent to.
    pub(crate) instance: usize,
    pub(crate) gate: Gate,
    pub(crate) fault: Fault,
    /// Whether a process fault was planned for its round.
    #[serde(rename = "struck")]
    pub(crate) during_process_fault: bool,
    /// Whether it is one of the retries after the service was healed.
    pub(crate) drain: bool,
}

impl Invoked {
    /// The payload it carried.
    pub(crate) fn payload(&self) -> Payload {
        Payload {
            variant: self.variant,
            item: self.item.clone(),
            quantity: self.quantity,
            spelling: self.spelling,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Number of the attempt.
    pub(crate) n: u64,
    pub(crate) t: u64,
    /// When the last byte of the request was sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) released: Option<u64>,
    /// When the first byte of the answer was received.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) first_byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) answer: Option<Answer>,
    /// What failed on the wire.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
}

/// An answer of the target, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it carries the header that marks replays.
    pub(crate) replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) retry_after: Option<String>,
    /// The member `code` of an error body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) code: Option<String>,
    /// What the body says was made, if it names anything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) order: Option<Order>,
    /// The body, truncated to a few hundred characters.
    pub(crate) body: String,
    /// Digest of the whole body.
    pub(crate) bytes: String,
    /// Digest of the body as a JSON value, independent of member order and white space.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) json: Option<String>,
}

impl Answer {
    /// Status and body, for messages.
    pub(crate) fn summary(&self) -> String {
        format!("{} {:?}", self.status, self.body)
    }
}

/// An order, as answered or as stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) item: String,
    /// As text, because a wrong server may answer any number.
    pub(crate) quantity: String,
}

/// How much is known of the effect of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    /// The order is acknowledged.
    Ok,
    /// Refused, or not sent in full: it changed nothing.
    Fail,
    /// It may or may not have had an effect.
    Unknown,
}

/// An attempt from beginning to end, as the checker sees it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) invoked: Invoked,
    pub(crate) outcome: Outcome,
    pub(crate) completion: Completion,
}

impl Attempt {
    /// The answer, if one arrived.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.outcome.answer.as_ref()
    }

    /// The answer, if it acknowledges the order.
    pub(crate) fn accepted(&self) -> Option<&Answer> {
        self.answer().filter(|_| self.completion == Completion::Ok)
    }
}
