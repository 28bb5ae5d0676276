//! Waiting with microsecond precision.

use std::time::{Duration, Instant};

/// Waits until `moment`, to a few microseconds.
///
/// Timers tick in milliseconds and one turn of the event loop takes some microseconds, so the
/// last stretch yields, and the last few microseconds spin.
pub(super) async fn sleep_until(moment: Instant) {
    const TICK: Duration = Duration::from_millis(2);
    const TURN: Duration = Duration::from_micros(50);
    let left = moment.saturating_duration_since(Instant::now());
    if let Some(ticks) = left.checked_sub(TICK) {
        tokio::time::sleep(ticks).await;
    }
    while moment.saturating_duration_since(Instant::now()) > TURN {
        tokio::task::yield_now().await;
    }
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
}
