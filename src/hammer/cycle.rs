//! A cycle: every scenario once, then healing, retries and the oracles.
//!
//! The history of a cycle is judged by itself and then dropped, so a soak of hours needs the
//! memory of one cycle.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use super::fault::ProcessError;
use super::history::{Cycle, Event, OracleKind, OracleRead, StoredOrder};
use super::judge;
use super::oracle::Oracle;
use super::profile::{Profile, Share};
use super::progress::Progress;
use super::runner::Runner;
use super::workload::{self, CaseContext, Payload, PlannedAttempt, Scenario};

/// A target with a higher latency than this gets more concurrent cases.
const SLOW: Duration = Duration::from_millis(25);

/// How many case numbers each cycle reserves per scenario.
const CASES: u32 = 70_000;

/// What all cycles of a run share.
pub(crate) struct RunContext {
    pub(crate) seed: u64,
    /// The name of the run, part of every key and item.
    pub(crate) run: String,
    /// URL of the first instance, for messages.
    pub(crate) target: String,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) runner: Runner,
    pub(crate) oracles: Vec<(OracleKind, Oracle)>,
}

impl RunContext {
    /// Runs every scenario once, heals the service, retries every key and reads the oracles.
    pub(crate) async fn run_cycle(
        &self,
        number: u32,
        profile: Profile,
        progress: &Progress,
    ) -> Cycle {
        let recorder = &self.runner.client.recorder;
        let mut cycle = Cycle::default();
        if !self.speaks_contract(number).await {
            cycle.t = recorder.now();
            return cycle;
        }
        cycle.problems = self.run_scenarios(number, profile, progress).await;
        progress.begin("retry and read", 1);
        if let Some(Err(error)) = self.heal().await {
            cycle.problems.push(format!("could not be healed: {error}"));
        }
        let control = self.control(number, "drain");
        let drained = self
            .runner
            .drain(control, profile.settle_time(), profile.replay_time())
            .await;
        if drained.is_slow {
            let words = "the target was too slow to answer the retry of every key";
            cycle.problems.push(words.to_owned());
        }
        cycle.accepts_orders = drained.accepts_orders && !drained.is_slow;
        self.read_oracles(number).await;
        progress.tick(0);
        cycle.t = recorder.now();
        cycle
    }

    /// How many orders a cycle makes at most in a service that makes one per key.
    pub(crate) fn planned_orders(&self, profile: Profile) -> u64 {
        let context = self.case_context(0);
        let orders = |scenario: Scenario| {
            let cases = 0..profile.share(scenario).cases;
            let orders = cases.map(|number| workload::case(&context, scenario, number).orders());
            orders.sum::<u64>()
        };
        // Each scenario ends with up to two control orders, and some more begin and end the cycle.
        let controls = 2 * (self.scenarios.len() as u64 + 4);
        controls + self.scenarios.iter().copied().map(orders).sum::<u64>()
    }

    /// Ends a cycle that the user interrupted: sends no more orders, but reads what is stored.
    pub(crate) async fn end_interrupted(&self, cycle: u32) -> Cycle {
        let recorder = &self.runner.client.recorder;
        recorder.abandon_open_attempts();
        let read = async {
            let _ = self.heal().await;
            self.read_oracles(cycle).await;
        };
        // A target that hangs must not hold up the user; its orders then stay unread.
        let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
        Cycle {
            t: recorder.now(),
            interrupted: true,
            ..Cycle::default()
        }
    }

    /// Runs the first case of `contract`, and another if it does not show what a new order is answered;
    /// returns whether the target takes orders at all.
    async fn speaks_contract(&self, cycle: u32) -> bool {
        let recorder = &self.runner.client.recorder;
        let contract = &self.runner.client.contract;
        // One key may fail by accident; if a second one fails too, the target takes no orders.
        let mut speaks = false;
        for first in [0, 7] {
            let number = cycle * CASES + first;
            let case = workload::case(&self.case_context(cycle), Scenario::Contract, number);
            self.runner.run(&case).await;
            speaks = recorder
                .with_attempts(|all| judge::speaks_contract(all, contract, &self.target).is_ok());
            let silent = recorder.with_attempts(|all| all.iter().all(|one| one.answer().is_none()));
            if silent || recorder.with_attempts(judge::shows_fresh_answer) {
                break;
            }
        }
        speaks
    }

    /// Runs all scenarios; returns what kept any of them from running.
    async fn run_scenarios(
        &self,
        cycle: u32,
        profile: Profile,
        progress: &Progress,
    ) -> Vec<String> {
        let begun = Instant::now();
        let latency = self.latency(cycle).await;
        let hurried = profile == Profile::Quick && latency > SLOW;
        for (index, group) in groups(&self.scenarios, hurried).iter().enumerate() {
            let names: Vec<&str> = group.iter().map(|scenario| scenario.name()).collect();
            let names = names.join(", ");
            if begun.elapsed() > profile.budget() * 5 / 4 {
                return vec![format!("there was no time for {names}")];
            }
            let cases = group.iter().map(|one| {
                let planned = profile.share(*one).cases;
                u64::from(planned - first_case(*one).min(planned))
            });
            progress.begin(&names, cases.sum());
            let late = begun.elapsed() > profile.budget();
            let run = |scenario: &Scenario| {
                let mut share = profile.share(*scenario);
                // Near the end of the budget, every scenario left gets a short turn.
                if late {
                    share.time /= 10;
                }
                self.run_scenario(*scenario, cycle, share, latency, progress)
            };
            join_all(group.iter().map(run)).await;
            self.runner.client.recorder.abandon_open_attempts();
            let control = self.control(cycle, &index.to_string());
            if !self.runner.accepts_orders(control).await {
                return vec![format!("the target stopped taking orders during {names}")];
            }
        }
        Vec::new()
    }

    /// Runs the cases of one scenario, some of them concurrently, until they or their time are
    /// used up.
    async fn run_scenario(
        &self,
        scenario: Scenario,
        cycle: u32,
        share: Share,
        latency: Duration,
        progress: &Progress,
    ) {
        let slowness = usize::try_from(latency.as_millis() / SLOW.as_millis()).unwrap_or(0);
        let concurrency = share.concurrency * (1 + slowness.min(3));
        let deadline = Instant::now() + share.time;
        let context = self.case_context(cycle);
        let cases = (first_case(scenario)..share.cases)
            .take_while(|_| Instant::now() < deadline)
            .map(|number| workload::case(&context, scenario, cycle * CASES + number));
        let run = stream::iter(cases).for_each_concurrent(concurrency, |case| async move {
            self.runner.run(&case).await;
            progress.tick(case.attempts());
        });
        // A target that hangs must not hold up the run: its clients give up.
        let bound = share.time + self.runner.client.response_timeout * 2;
        let bound = if scenario.needs_processes() {
            bound * 4
        } else {
            bound
        };
        let _ = tokio::time::timeout(bound, run).await;
    }

    /// Measures the latency of a fresh order: the lower of two, since the first one may pay for
    /// warm-up.
    async fn latency(&self, cycle: u32) -> Duration {
        let mut least = Duration::MAX;
        for name in ["first", "second"] {
            let begun = Instant::now();
            self.runner.accepts_orders(self.control(cycle, name)).await;
            least = least.min(begun.elapsed());
        }
        least
    }

    /// Plans orders under two fresh keys, which show whether the target still takes orders.
    fn control(&self, cycle: u32, name: &str) -> [PlannedAttempt; 2] {
        ["a", "b"].map(|turn| {
            let label = format!("control-{name}-{turn}");
            let key = format!("hammer-{}.{cycle}-{label}", self.run);
            let label = format!("{label}-{cycle}");
            PlannedAttempt::place(&label, &key, Payload::new(key.clone(), 1))
        })
    }

    /// The context of the cases of `cycle`, whose keys and items carry its number.
    fn case_context(&self, cycle: u32) -> CaseContext {
        CaseContext {
            seed: self.seed,
            run: format!("{}.{cycle}", self.run),
            instances: self.runner.client.pools.len(),
            has_number: self.runner.client.contract.request.body.has_number(),
        }
    }

    /// Gets every private instance running again.
    async fn heal(&self) -> Option<Result<(), ProcessError>> {
        let instances = self.runner.instances.as_ref()?;
        for pool in &self.runner.client.pools {
            pool.clear();
        }
        Some(instances.heal().await)
    }

    /// Reads the orders of `cycle` from every oracle.
    async fn read_oracles(&self, cycle: u32) {
        let recorder = &self.runner.client.recorder;
        let prefix = format!("hammer-{}.{cycle}-", self.run);
        for (kind, oracle) in &self.oracles {
            let (orders, error) = oracle.read(&prefix).await;
            let count = orders.len() as u64;
            for order in orders {
                let oracle = *kind;
                recorder.record(Event::Stored(StoredOrder { order, oracle }));
            }
            recorder.record(Event::Oracle(OracleRead {
                t: recorder.now(),
                oracle: *kind,
                orders: count,
                error,
            }));
        }
    }
}

/// The first case that the scenario itself runs: `speaks_contract` has run case 0 of `contract`.
fn first_case(scenario: Scenario) -> u32 {
    u32::from(scenario == Scenario::Contract)
}

/// Groups the scenarios that run at the same time.
///
/// They run one after another, except in a hurried run against a slow target, which would leave
/// this machine idle. Scenarios that kill processes always run alone.
fn groups(scenarios: &[Scenario], hurried: bool) -> Vec<Vec<Scenario>> {
    let (alone, together): (Vec<Scenario>, Vec<Scenario>) = scenarios
        .iter()
        .partition(|scenario| scenario.needs_processes());
    let size = if hurried { together.len() } else { 1 };
    let groups = together.chunks(size.max(1)).map(<[Scenario]>::to_vec);
    groups
        .chain(alone.into_iter().map(|scenario| vec![scenario]))
        .collect()
}
