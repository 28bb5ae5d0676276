//! Why an event was not published.

use std::time::Duration;

/// An event was not published, or it is unknown whether it was. It is published again.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct PublishError {
    reason: String,
    /// What the sink asks for.
    pub(super) wish: Wish,
}

/// What a sink asks for after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    None,
    /// Not to be tried again for so long.
    Pause(Duration),
    /// Not to be used any more (410 Gone).
    Rest,
    /// Nobody reads any more.
    End,
}

impl PublishError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            wish: Wish::None,
        }
    }

    pub(super) fn wishing(self, wish: Wish) -> Self {
        Self { wish, ..self }
    }
}
