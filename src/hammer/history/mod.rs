//! What happened, and nothing about what it means.
//!
//! Owns the record that the driving half hands to the judging half; there is no other way between
//! them. Promises that an outcome nobody saw stays *unknown*, and that a history read back from
//! its file is judged as it was when it was written. Knows no rule of the contract.

mod event;
mod file;
mod recorder;

pub(crate) use event::{
    Answer, Attempt, Completion, Cycle, Event, FaultSeen, Header, Invoked, OracleRead, Order,
    Outcome, VERSION,
};
pub use file::HistoryError;
pub(crate) use file::{Reader, Writer};
pub(crate) use recorder::{CycleHistory, Recorder};
