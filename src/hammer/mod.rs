//! `orders hammer`: proves that a service makes exactly one order per key, or shows a violation.
//!
//! A foreign client: it knows a URL, a seed and the contract, and imports nothing else of this
//! crate. A run passes through the modules in this order:
//!
//! ```text
//! workload ── cases ──▶ runner ── attempts ──▶ history ── cycles ──▶ judge ──▶ report
//!                        │  ▲                     ▲
//!                      wire fault              oracle
//! ```
//!
//! - `contract`: what the target promises, as data; every other module asks it.
//! - `settings`, `profile`: what to run, how long and how hard.
//! - `workload`: scenarios, rounds, gates and faults as data, made from the seed.
//! - `wire`: HTTP/1.1 over the hammer's own sockets, one attempt at a time.
//! - `runner`: the send loop, and the retries at the end.
//! - `fault`: the fault-injecting proxy and the processes, with evidence.
//! - `decode`: what answers and orders say.
//! - `oracle`: what is really stored.
//! - `history`: what happened; the only path from the sending half to the judging half.
//! - `judge`: invariants, dialect, overlap and verdict; a pure function of the history.
//! - `report`: the verdict for people and machines; `progress`: while the run lasts.
//! - `cycle`: every scenario once, then healing, retries and the oracles; `run`: all cycles.
//! - `load`: throughput and latency, which is a different question.

mod contract;
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
mod terminal;
mod wire;
mod words;
mod workload;

pub use contract::{Contract, ContractError};
pub use error::RunError;
pub use fault::{Launch, ProcessError, Readiness};
pub use history::HistoryError;
pub use judge::Verdict;
pub use load::{LoadReport, LoadSettings, Threshold, load};
pub use oracle::OracleChoice;
pub use profile::Profile;
pub use progress::{Format, Progress};
pub use report::Report;
pub use run::{check, run};
pub use settings::{Service, Settings};
pub use wire::{Target, TargetError, Trust, TrustError};
pub use workload::Scenario;
