//! The catalogue of scenarios: their names, what each one does, and what it needs.

use serde::{Deserialize, Serialize};

/// A pattern of requests and faults that the hammer plays against the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// The rules of the contract, one request at a time.
    Contract,
    /// The client disconnects in the middle of a request; later everything is retried.
    Vanish,
    /// Two identical requests, released together.
    Pair,
    /// 32 identical requests, released together.
    Burst,
    /// 512 identical requests, released together.
    Crowd,
    /// A duplicate, released 20 µs to 20 ms after the first request.
    Stagger,
    /// A different payload under a key that is already used.
    Mismatch,
    /// Two payloads under one key, released together.
    MismatchRace,
    /// One order in several JSON spellings, at once and one after another.
    SameJson,
    /// Keys that differ only in case, in the last of 255 characters, or by a wildcard.
    Keys,
    /// The answer is lost and the client retries.
    LostAnswer,
    /// The connection is cut somewhere in the request or the answer.
    Cut,
    /// A request is held back and arrives after its retry was answered.
    Late,
    /// Identical requests on several instances, released together.
    Across,
    /// One hot key beside other traffic.
    HotKey,
    /// Races, faults and retries with backoff, at random.
    Mix,
    /// An instance is killed with requests in flight, and restarted.
    Kill,
    /// An instance is stopped with requests in flight, and continues later.
    Pause,
}

impl Scenario {
    /// All scenarios in the order in which they run: those that need time to settle come early.
    pub const ALL: [Self; 18] = [
        Self::Contract,
        Self::Vanish,
        Self::Pair,
        Self::Burst,
        Self::Crowd,
        Self::Stagger,
        Self::Mismatch,
        Self::MismatchRace,
        Self::SameJson,
        Self::Keys,
        Self::LostAnswer,
        Self::Cut,
        Self::Late,
        Self::Across,
        Self::HotKey,
        Self::Mix,
        Self::Kill,
        Self::Pause,
    ];

    /// Its name on the command line, in histories and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Vanish => "vanish",
            Self::Pair => "pair",
            Self::Burst => "burst",
            Self::Crowd => "crowd",
            Self::Stagger => "stagger",
            Self::Mismatch => "mismatch",
            Self::MismatchRace => "mismatch-race",
            Self::SameJson => "same-json",
            Self::Keys => "keys",
            Self::LostAnswer => "lost-answer",
            Self::Cut => "cut",
            Self::Late => "late",
            Self::Across => "across",
            Self::HotKey => "hot-key",
            Self::Mix => "mix",
            Self::Kill => "kill",
            Self::Pause => "pause",
        }
    }

    /// Finds the scenario with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == name)
    }

    /// Whether it kills or stops processes, which only works on instances the hammer started.
    pub(crate) fn needs_processes(self) -> bool {
        matches!(self, Self::Kill | Self::Pause)
    }

    /// Whether it needs a service of several instances.
    pub(crate) fn needs_instances(self) -> bool {
        matches!(self, Self::Across)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::named(scenario.name()), Some(scenario));
            let json = serde_json::to_value(scenario).unwrap();
            assert_eq!(json, scenario.name());
        }
        assert_eq!(Scenario::named("nonsense"), None);
    }
}
