//! Where a relay looks for events.
//!
//! Most events are new, and have the largest subjects: a relay goes on where the last ones were,
//! because the index before that place is full of what was deleted. From time to time it looks from
//! the beginning: for events that were committed late, for further events of old subjects, and for
//! those that are due again.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::table::{Leased, Scan};

/// How often a relay looks from the beginning.
const INTERVAL: Duration = Duration::from_secs(1);

/// If that takes long, the share of the time that it takes: a twentieth.
const SHARE: u32 = 20;

/// The first 48 bits of a UUID version 7 are milliseconds. A transaction commits within two seconds
/// of its request, mostly. A later one is found from the beginning.
const MARGIN: u128 = 2_000 << 80;

/// The place where a relay looks.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The largest subject that was leased.
    highest: Option<Uuid>,
    /// When to look from the beginning.
    beginning_at: Option<Instant>,
}

impl Place {
    /// What to look for now.
    pub(super) fn scan(&self, now: Instant, limit: usize) -> Scan {
        let from_beginning = self.beginning_at.is_none_or(|at| now >= at);
        match self.highest {
            Some(highest) if !from_beginning => Scan {
                fresh_from: before(highest),
                again: false,
                highest: Some(highest),
                limit,
            },
            highest => Scan {
                fresh_from: Uuid::nil(),
                again: true,
                highest,
                limit,
            },
        }
    }

    /// A scan that began at `began` has found these.
    pub(super) fn found(&mut self, began: Instant, scan: Scan, fresh: &[Leased], again: &[Leased]) {
        let last = fresh.last().map(|leased| leased.event.subject);
        if scan.again {
            let now = Instant::now();
            // There are more before the place where the next scan would begin.
            let more = self.highest.zip(last).is_some_and(|(highest, last)| {
                fresh.len() + again.len() >= scan.limit && last < before(highest)
            });
            let pause = ((now - began) * SHARE).max(INTERVAL);
            self.beginning_at = Some(if more { now } else { now + pause });
        }
        self.highest = self.highest.max(last);
    }

    /// A scan has failed. If it was one from the beginning, it may have taken too long.
    pub(super) fn not_found(&mut self) {
        if self.highest.is_some() {
            self.beginning_at = Some(Instant::now() + INTERVAL * SHARE);
        }
    }
}

fn before(subject: Uuid) -> Uuid {
    Uuid::from_u128(subject.as_u128().saturating_sub(MARGIN))
}
