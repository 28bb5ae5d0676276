//! Durations on the command line.

use std::time::Duration;

/// A duration with a unit.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text)
        .map_err(|_| "expected a number with a unit, such as 500ms, 10s or 2m")
}
