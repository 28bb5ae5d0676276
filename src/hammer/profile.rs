//! Profiles: how much of everything a run does, and how long it may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::workload::Scenario;

/// Length and intensity of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Under eight seconds, for every build.
    Quick,
    /// Under a minute.
    Full,
    /// Full cycles, repeated for this long.
    Soak(Duration),
}

/// The name of a profile in histories and reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProfileName {
    Quick,
    Full,
    Soak,
}

impl ProfileName {
    /// The name as text.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
            Self::Soak => "soak",
        }
    }
}

/// The share of one scenario in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Maximum number of cases.
    pub(crate) cases: u32,
    /// How long new cases are started.
    pub(crate) time: Duration,
    /// Maximum number of concurrent cases.
    pub(crate) concurrency: usize,
}

impl Profile {
    /// Its name in histories and reports.
    pub(crate) fn name(self) -> ProfileName {
        match self {
            Self::Quick => ProfileName::Quick,
            Self::Full => ProfileName::Full,
            Self::Soak(_) => ProfileName::Soak,
        }
    }

    /// Whether it includes a scenario.
    pub(crate) fn includes(self, scenario: Scenario) -> bool {
        self.share(scenario).cases > 0
    }

    /// The share of a scenario.
    pub(crate) fn share(self, scenario: Scenario) -> Share {
        // (cases, milliseconds) of the quick and of the full profile; concurrency.
        let (quick, full, concurrency) = match scenario {
            Scenario::Contract => ((7, 2500), (7, 5000), 7),
            Scenario::Vanish => ((600, 900), (1500, 3000), 4),
            Scenario::Pair => ((320, 700), (4000, 5000), 6),
            Scenario::Burst => ((24, 500), (250, 3000), 2),
            Scenario::Crowd => ((0, 0), (8, 2500), 1),
            Scenario::Stagger => ((80, 350), (1500, 3500), 6),
            Scenario::MismatchRace => ((80, 350), (1500, 3500), 4),
            Scenario::Mismatch | Scenario::SameJson => ((40, 200), (300, 1500), 6),
            Scenario::Keys => ((36, 300), (240, 1500), 6),
            Scenario::LostAnswer => ((24, 200), (200, 1500), 6),
            Scenario::Cut => ((40, 250), (400, 2000), 6),
            Scenario::Late => ((12, 100), (60, 2000), 12),
            Scenario::Across => ((40, 250), (800, 3000), 4),
            Scenario::HotKey => ((3, 200), (30, 1500), 1),
            Scenario::Mix => ((6, 200), (80, 3000), 4),
            Scenario::Kill => ((0, 0), (40, 6000), 1),
            Scenario::Pause => ((0, 0), (12, 4000), 1),
        };
        let (cases, millis) = if self == Self::Quick { quick } else { full };
        Share {
            cases,
            time: Duration::from_millis(millis),
            concurrency,
        }
    }

    /// Time after which the remaining scenarios of a cycle get only a short turn.
    pub(crate) fn budget(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(4800),
            Self::Full | Self::Soak(_) => Duration::from_secs(46),
        }
    }

    /// How long an attempt waits for its answer.
    pub(crate) fn response_timeout(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(1),
            Self::Full | Self::Soak(_) => Duration::from_secs(4),
        }
    }

    /// How long unanswered keys are retried after the service is healed.
    pub(crate) fn settle_time(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(1200),
            Self::Full | Self::Soak(_) => Duration::from_secs(5),
        }
    }

    /// How long answered keys are replayed once more after that.
    pub(crate) fn replay_time(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(300),
            Self::Full | Self::Soak(_) => Duration::from_secs(2),
        }
    }

    /// The verdict is *unknown* below this number of contended keys.
    pub(crate) fn min_contended_keys(self) -> u64 {
        match self {
            Self::Quick => 20,
            Self::Full | Self::Soak(_) => 100,
        }
    }
}
