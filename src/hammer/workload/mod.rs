//! What is asked of the target: scenarios, as data made from the seed.
//!
//! Owns every choice of key, payload, timing and fault. Promises that a case is a pure function
//! of seed, scenario and number (only the run's name, which keeps one run's keys from another's,
//! comes from outside). Knows nothing of sockets, histories or verdicts.

mod instances;
mod network;
mod payload;
mod plan;
mod races;
mod rng;
mod scenario;
mod sequential;
mod traffic;

pub(crate) use payload::{Payload, Spelling};
pub(crate) use plan::{
    Case, Fault, Gate, PlannedAttempt, ProcessFault, ProcessFaultKind, RequestKind, Round,
};
pub use scenario::Scenario;

use rng::CaseRng;

/// What every case of a run has in common.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    /// The name of this run, in every key and item.
    pub(crate) run: String,
    /// How many instances the service has.
    pub(crate) instances: usize,
}

/// Case `number` of `scenario`.
pub(crate) fn case(setting: &Setting, scenario: Scenario, number: u32) -> Case {
    let mut builder = CaseBuilder {
        setting,
        scenario,
        number,
        rng: CaseRng::of(setting.seed, scenario.name(), number),
    };
    let rounds = match scenario {
        Scenario::Contract => sequential::contract(&mut builder),
        Scenario::Keys => sequential::near_twins(&mut builder),
        Scenario::SameJson => sequential::same_json(&mut builder),
        Scenario::Mismatch => sequential::mismatch(&mut builder),
        Scenario::Pair => races::identical(&mut builder, 2),
        Scenario::Burst => races::identical(&mut builder, 32),
        Scenario::Crowd => races::identical(&mut builder, 512),
        Scenario::Stagger => races::stagger(&mut builder),
        Scenario::MismatchRace => races::mismatch(&mut builder),
        Scenario::LostAnswer => network::lost_answer(&mut builder),
        Scenario::Cut => network::cut(&mut builder),
        Scenario::Vanish => network::vanish(&mut builder),
        Scenario::Late => network::late(&mut builder),
        Scenario::Kill => instances::kill(&mut builder),
        Scenario::Pause => instances::pause(&mut builder),
        Scenario::Across => instances::across(&mut builder),
        Scenario::HotKey => traffic::hot_key(&mut builder),
        Scenario::Mix => traffic::mix(&mut builder),
    };
    Case { scenario, rounds }
}

/// Makes the attempts of one case.
struct CaseBuilder<'a> {
    setting: &'a Setting,
    scenario: Scenario,
    number: u32,
    rng: CaseRng,
}

impl CaseBuilder<'_> {
    /// The name of the case's key number `index`.
    fn label(&self, index: u32) -> String {
        format!("{}-{}-{index}", self.scenario.name(), self.number)
    }

    /// The header value of the key `label`.
    fn key(&self, label: &str) -> String {
        format!("hammer-{}-{label}", self.setting.run)
    }

    /// A payload that no other key has.
    fn payload(&mut self, label: &str) -> Payload {
        let quantity = 1 + self.rng.below(99);
        Payload::new(format!("hammer-{}-{label}", self.setting.run), quantity)
    }

    /// A attempt at the case's key number `index`.
    fn attempt(&mut self, index: u32) -> PlannedAttempt {
        let label = self.label(index);
        let payload = self.payload(&label);
        PlannedAttempt::place(&label, &self.key(&label), payload)
    }

    /// Any instance.
    fn instance(&mut self) -> usize {
        let count = u32::try_from(self.setting.instances).expect("a handful of instances");
        self.rng.below(count) as usize
    }

    /// Mostly the last byte; every gate finds something the others miss.
    fn gate(&mut self) -> Gate {
        match self.rng.below(10) {
            0..=5 => Gate::LastByte,
            6..=7 => Gate::Header,
            _ => Gate::Barrier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(seed: u64) -> Setting {
        Setting {
            seed,
            run: "r".into(),
            instances: 3,
        }
    }

    #[test]
    fn a_case_is_a_pure_function_of_seed_scenario_and_number() {
        for scenario in Scenario::ALL {
            let made = |seed| format!("{:?}", case(&setting(seed), scenario, 5));
            assert_eq!(made(1), made(1), "{scenario:?}");
        }
    }

    #[test]
    fn no_two_keys_share_an_item_unless_the_case_means_it() {
        let mut owners = std::collections::HashMap::new();
        for scenario in Scenario::ALL {
            for number in 0..40 {
                for attempt in case(&setting(1), scenario, number)
                    .rounds
                    .iter()
                    .flat_map(|r| &r.attempts)
                {
                    let owner = (scenario, number);
                    let first = *owners.entry(attempt.payload.item.clone()).or_insert(owner);
                    assert_eq!(first, owner, "{}", attempt.payload.item);
                }
            }
        }
    }
}
