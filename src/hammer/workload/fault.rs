//! Planned faults: what goes wrong on the wire, and with the processes of the service.

use serde::{Deserialize, Serialize};

/// What goes wrong between client and server, a pure function of seed, key and attempt.
///
/// Places are in thousandths of the request or the answer, so that one plan fits all lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The client goes away this long after it sent the request, with a reset or politely.
    Vanish { after_us: u64, reset: bool },
    /// The connection is cut inside the request.
    CutRequest { permille: u32 },
    /// The server has answered; the client never sees a byte of it.
    LoseAnswer,
    /// The client sees the beginning of the answer.
    CutAnswer { permille: u32 },
    /// The request reaches the server twice, at the same time.
    Duplicate,
    /// The client gives up; the request reaches the server this much later.
    Late { after_ms: u64 },
}

/// What happens to a spawned instance in the middle of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessFault {
    pub(crate) instance: usize,
    pub(crate) after_us: u64,
    pub(crate) kind: ProcessFaultKind,
}

/// The kinds of process faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessFaultKind {
    /// `SIGKILL`, and a restart when the round is over.
    Kill,
    /// `SIGSTOP`, and `SIGCONT` after `hold_ms`.
    Pause { hold_ms: u64 },
}
