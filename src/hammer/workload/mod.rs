//! What to send: scenarios, as data made from the seed.
//!
//! Owns every choice of key, payload, timing and fault. Guarantees that a case is a pure function
//! of seed, scenario and number; only the name of the run, which keeps the keys of different runs
//! apart, comes from outside. Knows nothing of sockets, histories or verdicts.

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
pub(crate) use fault::{Fault, FaultKind, ProcessAction, ProcessFault};
pub(crate) use payload::{Payload, Spelling, Variant};
pub(crate) use plan::{Case, Gate, PlannedAttempt, RequestKind, Round};
pub use scenario::Scenario;

use builder::CaseBuilder;
use rng::CaseRng;

/// Builds case `number` of `scenario`.
pub(crate) fn case(context: &CaseContext, scenario: Scenario, number: u32) -> Case {
    let mut builder = CaseBuilder {
        context,
        scenario,
        number,
        rng: CaseRng::new(context.seed, scenario.name(), number),
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
    let mut case = Case { scenario, rounds };
    if !context.has_number {
        for attempt in case.rounds.iter_mut().flat_map(|round| &mut round.attempts) {
            attempt.payload = attempt.payload.clone().without_number();
        }
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(seed: u64) -> CaseContext {
        CaseContext {
            seed,
            run: "r".into(),
            instances: 3,
            has_number: true,
        }
    }

    #[test]
    fn a_case_is_a_pure_function_of_seed_scenario_and_number() {
        for scenario in Scenario::ALL {
            let built = |seed| format!("{:?}", case(&context(seed), scenario, 5));
            assert_eq!(built(1), built(1), "{scenario:?}");
        }
    }

    #[test]
    fn cases_do_not_share_items() {
        let mut owners = std::collections::HashMap::new();
        for scenario in Scenario::ALL {
            for number in 0..40 {
                let case = case(&context(1), scenario, number);
                for attempt in case.rounds.iter().flat_map(|round| &round.attempts) {
                    let owner = (scenario, number);
                    let item = attempt.payload.item.clone();
                    let first = *owners.entry(item).or_insert(owner);
                    assert_eq!(first, owner, "{}", attempt.payload.item);
                }
            }
        }
    }
}
