//! What is asked of the target: scenarios, as data made from the seed.
//!
//! Owns every choice of key, payload, timing and fault. Promises that a case is a pure function
//! of seed, scenario and number (only the run's name, which keeps one run's keys from another's,
//! comes from outside). Knows nothing of sockets, histories or verdicts.

mod draw;
mod instances;
mod payload;
mod races;
mod rules;
mod scenario;
mod shot;
mod traffic;
mod trouble;

pub(crate) use payload::{Payload, Spelling};
pub use scenario::Scenario;
pub(crate) use shot::{Ask, Blow, Case, Fault, Gate, Round, Shot, Strike};

use draw::Draw;

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
    let mut maker = Maker {
        setting,
        scenario,
        number,
        draw: Draw::of(setting.seed, scenario.name(), number),
    };
    let rounds = match scenario {
        Scenario::Contract => rules::contract(&mut maker),
        Scenario::Keys => rules::near_twins(&mut maker),
        Scenario::SameJson => rules::same_json(&mut maker),
        Scenario::Mismatch => rules::mismatch(&mut maker),
        Scenario::Pair => races::identical(&mut maker, 2),
        Scenario::Burst => races::identical(&mut maker, 32),
        Scenario::Crowd => races::identical(&mut maker, 512),
        Scenario::Stagger => races::stagger(&mut maker),
        Scenario::MismatchRace => races::mismatch(&mut maker),
        Scenario::LostAnswer => trouble::lost_answer(&mut maker),
        Scenario::Cut => trouble::cut(&mut maker),
        Scenario::Vanish => trouble::vanish(&mut maker),
        Scenario::Late => trouble::late(&mut maker),
        Scenario::Kill => instances::kill(&mut maker),
        Scenario::Pause => instances::pause(&mut maker),
        Scenario::Across => instances::across(&mut maker),
        Scenario::HotKey => traffic::hot_key(&mut maker),
        Scenario::Mix => traffic::mix(&mut maker),
    };
    Case { scenario, rounds }
}

/// Makes the shots of one case.
struct Maker<'a> {
    setting: &'a Setting,
    scenario: Scenario,
    number: u32,
    draw: Draw,
}

impl Maker<'_> {
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
        let quantity = 1 + self.draw.below(99);
        Payload::new(format!("hammer-{}-{label}", self.setting.run), quantity)
    }

    /// A shot at the case's key number `index`.
    fn shot(&mut self, index: u32) -> Shot {
        let label = self.label(index);
        let payload = self.payload(&label);
        Shot::place(&label, &self.key(&label), payload)
    }

    /// Any instance.
    fn instance(&mut self) -> usize {
        let count = u32::try_from(self.setting.instances).expect("a handful of instances");
        self.draw.below(count) as usize
    }

    /// Mostly the last byte; every gate finds something the others miss.
    fn gate(&mut self) -> Gate {
        match self.draw.below(10) {
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
                for shot in case(&setting(1), scenario, number)
                    .rounds
                    .iter()
                    .flat_map(|r| &r.shots)
                {
                    let owner = (scenario, number);
                    let first = *owners.entry(shot.payload.item.clone()).or_insert(owner);
                    assert_eq!(first, owner, "{}", shot.payload.item);
                }
            }
        }
    }
}
