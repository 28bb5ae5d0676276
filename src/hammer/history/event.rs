//! The lines of a history. All times are nanoseconds since the run began.

use serde::{Deserialize, Serialize};

use crate::hammer::workload::{Fault, Gate, RequestKind, Spelling};

/// The version of the format, in its first line. Readers refuse any other.
pub(crate) const VERSION: u32 = 1;

/// One line of `history.ndjson`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The first line.
    Run(Header),
    /// An attempt begins.
    Invoke(Invoked),
    /// It was answered with an order.
    Ok(Outcome),
    /// It certainly did nothing: refused, or never sent in full.
    Fail(Outcome),
    /// Whether it did something is not known.
    Unknown(Outcome),
    /// A fault was tried.
    Fault(FaultSeen),
    /// An oracle was asked what is stored.
    Oracle(OracleRead),
    /// One order that an oracle found.
    Stored(Order),
    /// Everything up to here is healed, retried and read: it can be judged and forgotten.
    #[serde(rename = "chapter")]
    Cycle(Cycle),
}

/// What a history is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) version: u32,
    /// Version of the program.
    pub(crate) program: String,
    /// The name of the run, in every key and item.
    pub(crate) run: String,
    pub(crate) seed: u64,
    pub(crate) profile: String,
    pub(crate) targets: Vec<String>,
    /// The scenarios that were wanted, whether or not there was time for them.
    pub(crate) scenarios: Vec<String>,
    pub(crate) oracles: Vec<String>,
    /// Whether every letter of the contract counts.
    pub(crate) strict: bool,
    /// Fewer contended keys than this prove nothing.
    pub(crate) least_contended: u64,
    /// How long a key may stay unresolved after everything is healed.
    pub(crate) settle_ms: u64,
    pub(crate) started_unix_ms: u64,
    pub(crate) cores: usize,
    /// The command that repeats the run.
    pub(crate) repeat: String,
}

/// An attempt as it begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Invoked {
    /// Number of the attempt.
    pub(crate) n: u64,
    pub(crate) t: u64,
    pub(crate) scenario: String,
    /// Equal labels are one key.
    pub(crate) key: String,
    /// The header lines as sent, as far as they are text.
    pub(crate) lines: Vec<String>,
    #[serde(rename = "ask")]
    pub(crate) kind: RequestKind,
    /// Number of the payload among the key's payloads.
    pub(crate) payload: u8,
    pub(crate) spelling: Spelling,
    pub(crate) item: String,
    pub(crate) quantity: u32,
    pub(crate) instance: usize,
    pub(crate) gate: Gate,
    pub(crate) fault: Fault,
    /// Whether a process was struck during its round.
    #[serde(rename = "struck")]
    pub(crate) during_process_fault: bool,
    /// Whether it belongs to the retries after everything was healed.
    pub(crate) drain: bool,
}

/// How an attempt ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) n: u64,
    pub(crate) t: u64,
    /// When the last byte of the request left.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) released: Option<u64>,
    /// When the first byte of the answer was seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) first_byte: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) answer: Option<Answer>,
    /// What went wrong on the wire.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
}

/// What the target said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `Idempotent-Replayed: true`.
    pub(crate) replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) retry_after: Option<String>,
    /// The member `code` of an error body.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) code: Option<String>,
    /// The order in the body, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) order: Option<Order>,
    /// The body, cut after some hundred bytes.
    pub(crate) body: String,
    /// Digest of all its bytes.
    pub(crate) bytes: String,
    /// Digest of what it means as JSON, whatever the order of members and the white space.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) json: Option<String>,
}

/// An order, as answered or as stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) item: String,
    /// As text, because a wrong server may answer any number.
    pub(crate) quantity: String,
    /// Which oracle found it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(crate) oracle: String,
}

/// A fault that was tried, and the evidence that it landed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FaultSeen {
    pub(crate) t: u64,
    /// Name of the fault, such as `lose_answer` or `kill`.
    pub(crate) fault: String,
    pub(crate) scenario: String,
    /// The attempt it was meant for; strikes are meant for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) attempt: Option<u64>,
    pub(crate) landed: bool,
    /// What was seen.
    pub(crate) evidence: String,
}

/// What came of asking an oracle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OracleRead {
    pub(crate) t: u64,
    pub(crate) oracle: String,
    /// How many orders of this cycle it found.
    pub(crate) orders: u64,
    /// Why what it found is not everything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) trouble: Option<String>,
}

/// The end of a part of the run that can be judged by itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cycle {
    pub(crate) t: u64,
    /// Why the run could not do what it wanted to.
    pub(crate) troubles: Vec<String>,
    /// Whether fresh keys were still accepted at the end.
    pub(crate) alive: bool,
    /// Whether the user stopped it.
    pub(crate) interrupted: bool,
}

/// An attempt with its end, as the checker sees it.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) invoked: Invoked,
    /// Of an attempt that never ended this is unknown and empty.
    pub(crate) outcome: Outcome,
    pub(crate) completion: Completion,
}

/// How much is known of what an attempt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completion {
    Ok,
    Fail,
    Unknown,
}

impl Attempt {
    /// The answer, if one came.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.outcome.answer.as_ref()
    }

    /// The answer, if it is a 2xx.
    pub(crate) fn accepted(&self) -> Option<&Answer> {
        self.answer().filter(|answer| answer.is_success())
    }
}

impl Answer {
    /// Whether it is a 2xx.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
