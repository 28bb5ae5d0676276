//! The lines of a history. All times are nanoseconds since the run began.

use serde::{Deserialize, Serialize};

use super::attempt::{Invoked, Order, Outcome};
use crate::hammer::contract::Contract;
use crate::hammer::profile::ProfileName;
use crate::hammer::workload::{FaultKind, Scenario};

/// Version of the format, recorded in the first line. Readers accept no other.
pub(crate) const VERSION: u32 = 1;

/// One line of `history.ndjson`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The first line: what the history is about.
    Run(Header),
    /// An attempt begins.
    Invoke(Invoked),
    /// An attempt was answered, and the answer acknowledges the order.
    Ok(Outcome),
    /// An attempt certainly changed nothing: refused, or not sent in full.
    Fail(Outcome),
    /// It is not known whether an attempt had an effect.
    Unknown(Outcome),
    /// A fault was injected.
    Fault(FaultSeen),
    /// An oracle was read.
    Oracle(OracleRead),
    /// An order that an oracle found.
    Stored(StoredOrder),
    /// The end of a cycle: the events since the previous one can be judged and dropped.
    #[serde(rename = "chapter")]
    Cycle(Cycle),
}

/// What a history is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Version of the format.
    pub(crate) version: u32,
    /// Version of the program.
    pub(crate) program: String,
    /// The name of the run, part of every key and item.
    pub(crate) run: String,
    /// Whether the stored orders are removed after the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) temporary: bool,
    /// Whether the certificates of the targets were not verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) insecure: bool,
    /// The number of the first cycle in this file, which is not 0 in the later files of a soak.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) first_cycle: u32,
    pub(crate) seed: u64,
    pub(crate) profile: ProfileName,
    /// URLs of the instances.
    pub(crate) targets: Vec<String>,
    /// The scenarios that were planned, whether or not there was time for them.
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) oracles: Vec<OracleKind>,
    /// Whether every deviation from the contract is a violation.
    pub(crate) strict: bool,
    /// The verdict is *unknown* below this number of contended keys.
    #[serde(rename = "least_contended")]
    pub(crate) min_contended_keys: u64,
    /// How long unanswered keys are retried after the service is healed.
    pub(crate) settle_ms: u64,
    pub(crate) started_unix_ms: u64,
    pub(crate) cores: usize,
    /// The command that repeats the run.
    pub(crate) repeat: String,
    /// What the target promises, if not the contract of `orders`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) contract: Option<Box<Contract>>,
}

impl Header {
    /// What the target promises.
    pub(crate) fn contract(&self) -> &Contract {
        self.contract.as_deref().unwrap_or(Contract::of_orders())
    }

    /// Whether only the answers can be judged, because the contract does not say where to count.
    pub(crate) fn judges_answers_alone(&self) -> bool {
        self.contract().stored.is_none()
    }
}

impl Header {
    /// What the item of every order of the run begins with.
    pub(crate) fn item_prefix(&self) -> String {
        format!("hammer-{}.", self.run)
    }
}

/// A fault that was injected, and the evidence that it landed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FaultSeen {
    pub(crate) t: u64,
    #[serde(rename = "fault")]
    pub(crate) kind: FaultKind,
    pub(crate) scenario: Scenario,
    /// The attempt it was planned for. Process faults concern all attempts of their round.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) attempt: Option<u64>,
    pub(crate) landed: bool,
    /// What was observed, in words.
    pub(crate) evidence: String,
}

/// A source of what is really stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OracleKind {
    /// The public list of orders. `oracle` is what a history of 0.1.0 says of any oracle that
    /// could not be opened.
    #[serde(alias = "oracle")]
    Api,
    /// The database of the service.
    Db,
}

impl OracleKind {
    /// Its name on the command line, in histories and in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Db => "db",
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The result of reading an oracle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OracleRead {
    pub(crate) t: u64,
    pub(crate) oracle: OracleKind,
    /// How many orders of this cycle it found.
    pub(crate) orders: u64,
    /// Why it could not be read completely.
    #[serde(rename = "trouble", skip_serializing_if = "Option::is_none", default)]
    pub(crate) error: Option<String>,
}

/// An order that an oracle found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredOrder {
    #[serde(flatten)]
    pub(crate) order: Order,
    pub(crate) oracle: OracleKind,
}

/// How a cycle ended.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cycle {
    pub(crate) t: u64,
    /// Why parts of the cycle could not run as planned.
    #[serde(rename = "troubles")]
    pub(crate) problems: Vec<String>,
    /// Whether fresh keys were still accepted at the end.
    #[serde(rename = "alive")]
    pub(crate) accepts_orders: bool,
    /// Whether the user interrupted it.
    pub(crate) interrupted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line of each type, as version 1 writes them.
    const LINES: [&str; 10] = [
        r#"{"type":"run","version":1,"program":"0.1.0","run":"2562e844","seed":42,"profile":"full","targets":["http://127.0.0.1:43371"],"scenarios":["contract","mismatch-race","hot-key"],"oracles":["api","db"],"strict":true,"least_contended":100,"settle_ms":5000,"started_unix_ms":1795534332318,"cores":2,"repeat":"orders hammer --seed 42"}"#,
        r#"{"type":"invoke","n":1,"t":3860756,"scenario":"same-json","key":"same-json-0-0","lines":["hammer-2562e844.0-same-json-0-0"],"ask":"two_keys","payload":2,"spelling":"reordered","item":"a","quantity":82,"instance":1,"gate":"last_byte","fault":{"kind":"vanish","after_us":7,"reset":true},"struck":true,"drain":false}"#,
        r#"{"type":"ok","n":1,"t":6553810,"released":4017959,"first_byte":6337860,"answer":{"status":201,"replayed":false,"location":"/orders/1","order":{"id":"1","item":"a","quantity":"82"},"body":"{}","bytes":"fd","json":"fd"}}"#,
        r#"{"type":"fail","n":2,"t":2,"answer":{"status":409,"replayed":false,"retry_after":"1","code":"IDEMPOTENCY_KEY_IN_USE","body":"","bytes":"de"}}"#,
        r#"{"type":"unknown","n":3,"t":3,"released":2,"error":"the client gave up"}"#,
        r#"{"type":"fault","t":4,"fault":"lose_answer","scenario":"lost-answer","attempt":3,"landed":true,"evidence":"the server answered 201"}"#,
        r#"{"type":"fault","t":5,"fault":"kill","scenario":"kill","landed":false,"evidence":"instance 0"}"#,
        r#"{"type":"stored","id":"1","item":"a","quantity":"82","oracle":"api"}"#,
        r#"{"type":"oracle","t":6,"oracle":"db","orders":0,"trouble":"closed"}"#,
        r#"{"type":"chapter","t":7,"troubles":["too late"],"alive":true,"interrupted":false}"#,
    ];

    #[test]
    fn the_format_of_version_1_is_stable() {
        for line in LINES {
            let event: Event = serde_json::from_str(line).expect(line);
            assert_eq!(serde_json::to_string(&event).unwrap(), line);
        }
    }

    #[test]
    fn an_oracle_that_was_never_opened_is_readable() {
        let line = r#"{"type":"oracle","t":6,"oracle":"oracle","orders":0,"trouble":"closed"}"#;
        assert!(serde_json::from_str::<Event>(line).is_ok());
    }
}
