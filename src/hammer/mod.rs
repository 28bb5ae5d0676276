//! `orders hammer`: exactly one order per key, or the violation.
//!
//! A foreign client: it knows a URL, a seed and the contract, and imports nothing else of this
//! crate. The way of a run is the way through the modules:
//!
//! ```text
//! workload ── cases, as data ──▶ runner ── attempts ──▶ history ── cycles ──▶ judge ──▶ report
//!                                │  ▲                     ▲
//!                              wire fault              oracle
//! ```
//!
//! - `workload`: scenarios, rounds, gates and faults as data, made from the seed.
//! - `wire`: HTTP/1.1 over own sockets, one attempt at a time.
//! - `runner`: the one send loop, and the retries at the end.
//! - `fault`: the proxy and the processes, with evidence.
//! - `oracle`: what is really stored.
//! - `history`: what happened; the only way from the sending half to the judging half.
//! - `judge`: invariants, dialect, witness, verdict; a pure function of the history.
//! - `report`: the verdict for people and machines.
//! - `load`: throughput and latency, which is another question.

mod cycle;
mod decode;
mod error;
mod fault;
mod history;
mod judge;
mod load;
mod oracle;
mod profile;
mod progress;
mod report;
mod run;
mod runner;
mod settings;
mod wire;
mod workload;

pub use error::RunError;
pub use fault::{Launch, ProcessError};
pub use history::HistoryError;
pub use judge::Verdict;
pub use load::{LoadReport, LoadSettings, Threshold, load};
pub use oracle::OracleChoice;
pub use profile::Profile;
pub use progress::{Format, Progress};
pub use report::Report;
pub use run::{check, run};
pub use settings::{Service, Settings};
pub use wire::{Target, TargetError};
pub use workload::Scenario;
