//! What happened, without what it means.
//!
//! Owns the record that the sending half hands to the judging half; there is no other path
//! between them. Guarantees that an unobserved outcome stays *unknown*, and that a history read back
//! from its file is judged as it was when it was written. Knows no rule of the contract.

mod archive;
mod attempt;
mod cycle_history;
mod event;
mod file;
mod recorder;

pub(crate) use archive::{Archive, SOAK_BYTES};
pub(crate) use attempt::{Answer, Attempt, Completion, Invoked, Order, Outcome};
pub(crate) use cycle_history::CycleHistory;
pub(crate) use event::{
    Cycle, Event, FaultSeen, Header, OracleKind, OracleRead, StoredOrder, VERSION,
};
pub use file::HistoryError;
pub(crate) use file::Reader;
pub(crate) use recorder::Recorder;
