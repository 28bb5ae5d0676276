//! The catalogue of scenarios: their names, what each one is for, and what it needs.

/// A way to torment the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// The contract at rest, one request at a time.
    Contract,
    /// The client goes away in the middle of a request.
    Vanish,
    /// Two identical requests at once.
    Pair,
    /// Thirty-two identical requests at once.
    Burst,
    /// Five hundred and twelve identical requests at once.
    Crowd,
    /// A duplicate that comes a little later.
    Stagger,
    /// Two payloads for one key, one after the other.
    Mismatch,
    /// Two payloads for one key, at once.
    MismatchRace,
    /// One order in several spellings.
    SameJson,
    /// Keys that are nearly the same.
    Keys,
    /// The answer is lost, the client retries.
    LostAnswer,
    /// The connection is cut anywhere in request or answer.
    Cut,
    /// A duplicate that arrives after everything was over.
    Late,
    /// Duplicates on several instances at once.
    Across,
    /// One hot key beside other traffic.
    HotKey,
    /// Everything at once, with realistic retries.
    Mix,
    /// An instance is killed with requests in flight.
    Kill,
    /// An instance is stopped with requests in flight, and wakes up later.
    Pause,
}

impl Scenario {
    /// All of them, in the order in which they are played: what needs time to settle comes early.
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

    /// Its name on the command line and in reports.
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

    /// The scenario of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// What it does, in one line.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Contract => "the contract at rest, one request at a time",
            Self::Vanish => {
                "the client goes away in the middle of a request, then everything is retried"
            }
            Self::Pair => "two identical requests, released together",
            Self::Burst => "32 identical requests, released together",
            Self::Crowd => "512 identical requests, released together",
            Self::Stagger => "a duplicate released 20 µs to 20 ms after the first",
            Self::Mismatch => "another payload under a key that was used",
            Self::MismatchRace => "two payloads for one key, released together",
            Self::SameJson => "one order in several JSON spellings, at once and afterwards",
            Self::Keys => "keys that differ in case, in the last of 255 characters, by a wildcard",
            Self::LostAnswer => "the server answers, the client never sees it and retries",
            Self::Cut => "the connection is cut at every stretch of request and answer",
            Self::Late => "a request is held back and arrives after its retry was answered",
            Self::Across => "identical requests on several instances, released together",
            Self::HotKey => "one key under constant fire beside other traffic",
            Self::Mix => "races, faults and retries with backoff, drawn at random",
            Self::Kill => "an instance is killed with requests in flight, and restarted",
            Self::Pause => "an instance is stopped with requests in flight, and wakes up later",
        }
    }

    /// Whether it kills or stops processes, so that the target has to be spawned by the hammer.
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
    fn names_are_found_again() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::named(scenario.name()), Some(scenario));
        }
        assert_eq!(Scenario::named("nonsense"), None);
    }
}
