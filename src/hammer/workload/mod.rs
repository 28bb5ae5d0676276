//! What is asked of the target: scenarios, as data made from the seed.
//!
//! Owns every choice of key, payload, timing and fault. Promises that a case is a pure function
//! of seed, scenario and number (only the run's name, which keeps one run's keys from another's,
//! comes from outside). Knows nothing of sockets, histories or verdicts.

mod builder;
mod fault;
mod instances;
mod network;
mod payload;
mod plan;
mod races;
mod rng;
mod scenario;
mod sequential;
mod traffic;

pub(crate) use builder::CaseContext;
pub(crate) use fault::{Fault, ProcessFault, ProcessFaultKind};
pub(crate) use payload::{Payload, Spelling};
pub(crate) use plan::{Case, Gate, PlannedAttempt, RequestKind, Round};
pub use scenario::Scenario;

use builder::CaseBuilder;
use rng::CaseRng;

/// Case `number` of `scenario`.
pub(crate) fn case(context: &CaseContext, scenario: Scenario, number: u32) -> Case {
    let mut builder = CaseBuilder {
        context,
        scenario,
        number,
        rng: CaseRng::of(context.seed, scenario.name(), number),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn context(seed: u64) -> CaseContext {
        CaseContext {
            seed,
            run: "r".into(),
            instances: 3,
        }
    }

    #[test]
    fn a_case_is_a_pure_function_of_seed_scenario_and_number() {
        for scenario in Scenario::ALL {
            let made = |seed| format!("{:?}", case(&context(seed), scenario, 5));
            assert_eq!(made(1), made(1), "{scenario:?}");
        }
    }

    #[test]
    fn no_two_keys_share_an_item_unless_the_case_means_it() {
        let mut owners = std::collections::HashMap::new();
        for scenario in Scenario::ALL {
            for number in 0..40 {
                for attempt in case(&context(1), scenario, number)
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
