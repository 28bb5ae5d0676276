//! Planned faults: what goes wrong on the wire, and with the processes of the service.

use serde::{Deserialize, Serialize};

/// A fault on the path of one attempt.
///
/// Positions are in thousandths of the request or the answer, so that one plan fits all lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Fault {
    /// No fault.
    None,
    /// The client disconnects this long after it sent the request, with a reset or gracefully.
    Vanish { after_us: u64, reset: bool },
    /// The connection is cut within the request.
    CutRequest { permille: u32 },
    /// The server answers, and the client receives no byte of it.
    LoseAnswer,
    /// The connection is cut within the answer.
    CutAnswer { permille: u32 },
    /// The request reaches the server twice at the same time.
    Duplicate,
    /// The client gives up, and the request reaches the server this much later.
    Late { after_ms: u64 },
}

impl Fault {
    /// The kind of fault that the proxy has to inject, if any.
    pub(crate) fn proxied(self) -> Option<FaultKind> {
        self.kind().filter(|kind| *kind != FaultKind::Vanish)
    }

    /// The kind of fault, if there is one.
    pub(crate) fn kind(self) -> Option<FaultKind> {
        Some(match self {
            Self::None => return None,
            Self::Vanish { .. } => FaultKind::Vanish,
            Self::CutRequest { .. } => FaultKind::CutRequest,
            Self::LoseAnswer => FaultKind::LoseAnswer,
            Self::CutAnswer { .. } => FaultKind::CutAnswer,
            Self::Duplicate => FaultKind::Duplicate,
            Self::Late { .. } => FaultKind::Late,
        })
    }
}

/// A fault of an instance in the middle of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessFault {
    /// Index of the instance, wrapped around.
    pub(crate) instance: usize,
    /// Injected this much after the gate opened.
    pub(crate) after_us: u64,
    pub(crate) action: ProcessAction,
}

/// What a process fault does to its instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProcessAction {
    /// `SIGKILL`, and a restart.
    Kill,
    /// `SIGSTOP`, and `SIGCONT` after `hold_ms`.
    Pause { hold_ms: u64 },
}

impl ProcessAction {
    /// The kind of fault.
    pub(crate) fn kind(self) -> FaultKind {
        match self {
            Self::Kill => FaultKind::Kill,
            Self::Pause { .. } => FaultKind::Pause,
        }
    }
}

/// The kinds of faults, without their parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    CutAnswer,
    CutRequest,
    Duplicate,
    Kill,
    Late,
    LoseAnswer,
    Pause,
    Vanish,
}

impl FaultKind {
    /// Its name in histories and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CutAnswer => "cut_answer",
            Self::CutRequest => "cut_request",
            Self::Duplicate => "duplicate",
            Self::Kill => "kill",
            Self::Late => "late",
            Self::LoseAnswer => "lose_answer",
            Self::Pause => "pause",
            Self::Vanish => "vanish",
        }
    }
}
