//! How long to wait after failures.

use std::time::Duration;

/// The pause of an event after its first failure. It doubles with each.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause of an event.
const LONGEST: Duration = Duration::from_mins(5);

/// The longest pause of a sink that is away.
pub(super) const LONGEST_OUTAGE: Duration = Duration::from_mins(1);

/// The pause of an event that has failed so often, with jitter.
pub(super) fn after(failures: u32) -> Duration {
    jitter(doubled(FIRST, failures.saturating_sub(1)).min(LONGEST))
}

/// The pause of a sink after so many pauses in a row, with jitter.
pub(super) fn of_outage(pauses: u32) -> Duration {
    jitter(doubled(FIRST / 2, pauses).min(LONGEST_OUTAGE))
}

fn doubled(first: Duration, times: u32) -> Duration {
    first * 2_u32.pow(times.min(16))
}

/// Half of it at least.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound() {
        for (failures, least, most) in [(1, 500, 1_000), (2, 1_000, 2_000), (5, 8_000, 16_000)] {
            for _ in 0..100 {
                let pause = after(failures).as_millis();
                assert!((least..=most).contains(&pause), "{failures}: {pause}");
            }
        }
        for failures in [10, 17, u32::MAX] {
            assert!(after(failures) <= LONGEST && after(failures) >= LONGEST / 2);
            assert!(of_outage(failures) <= LONGEST_OUTAGE);
        }
    }
}
