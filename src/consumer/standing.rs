//! Whether the group of a member has settled.
//!
//! While a group rebalances, partitions may have no owner, and nobody reports their lag. That takes
//! seconds. A group that never settles must not look like one without work.

use std::time::{Duration, Instant};

use rdkafka::statistics::ConsumerGroup;

use crate::telemetry::metrics;

/// How long a group may take before the member reports it.
const PATIENCE: Duration = Duration::from_secs(30);

/// For how long the group has not settled.
#[derive(Debug, Default)]
pub(super) struct Standing {
    unsettled_since: Option<Instant>,
    reported: bool,
}

/// What the log has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The group has not settled for this long.
    Unsettled(Duration),
    /// It has, after this long.
    Settled(Duration),
}

impl Standing {
    /// Takes the state of the group from the statistics. Logs once when it has not settled for long,
    /// and once when it has again.
    pub(super) fn update(&mut self, group: Option<&ConsumerGroup>) {
        let settled =
            group.is_some_and(|group| group.state == "up" && group.join_state == "steady");
        let now = Instant::now();
        let change = self.change(now, settled);
        let unsettled = self.unsettled_since.map(|since| now - since);
        metrics()
            .consumer()
            .unsettled(unsettled.unwrap_or_default());
        let state = group.map_or("init", |group| &group.state);
        let join_state = group.map_or("init", |group| &group.join_state);
        let partitions = group.map_or(0, |group| group.assignment_size);
        match change {
            Some(Change::Unsettled(time)) => tracing::warn!(
                seconds = time.as_secs(),
                state,
                join_state,
                partitions,
                reason = group.map(|group| &*group.rebalance_reason),
                "the consumer group does not settle, partitions may have no owner"
            ),
            Some(Change::Settled(time)) => tracing::info!(
                seconds = time.as_secs(),
                partitions,
                "the consumer group has settled"
            ),
            None => {}
        }
    }

    fn change(&mut self, now: Instant, settled: bool) -> Option<Change> {
        if settled {
            let since = self.unsettled_since.take();
            let reported = std::mem::take(&mut self.reported);
            return since
                .filter(|_| reported)
                .map(|since| Change::Settled(now - since));
        }
        let time = now - *self.unsettled_since.get_or_insert(now);
        if time < PATIENCE || std::mem::replace(&mut self.reported, true) {
            return None;
        }
        Some(Change::Unsettled(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_does_not_settle_is_reported_once() {
        let began = Instant::now();
        let mut standing = Standing::default();
        let mut at = |seconds, settled| {
            let time = Duration::from_secs(seconds);
            standing.change(began + time, settled)
        };
        let unsettled = |seconds| Some(Change::Unsettled(Duration::from_secs(seconds)));
        let settled = |seconds| Some(Change::Settled(Duration::from_secs(seconds)));
        // A rebalance of 25 seconds, then another.
        assert_eq!([at(0, false), at(25, false), at(30, true)], [None; 3]);
        assert_eq!([at(35, false), at(60, false)], [None; 2]);
        assert_eq!(at(65, false), unsettled(30));
        assert_eq!(at(70, false), None);
        assert_eq!(at(75, true), settled(40));
        assert_eq!([at(80, true), at(85, false)], [None; 2]);
        assert_eq!(at(120, false), unsettled(35));
    }
}
