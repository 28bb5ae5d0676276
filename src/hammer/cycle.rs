//! A cycle: everything once, then healing, retries and the oracle. What it leaves in the history
//! can be judged by itself and forgotten, so that a soak of hours needs the memory of one cycle.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use super::fault::ProcessError;
use super::history::{Cycle, Event, OracleRead};
use super::judge;
use super::oracle::Oracle;
use super::profile::{Profile, Share};
use super::report::Progress;
use super::runner::Runner;
use super::workload::{self, Payload, PlannedAttempt, Scenario, Setting};

/// What all cycles have at hand.
pub(crate) struct RunContext {
    pub(crate) seed: u64,
    /// The name of the run.
    pub(crate) run: String,
    /// The first instance, as it is called in sentences.
    pub(crate) target: String,
    pub(crate) wanted: Vec<Scenario>,
    pub(crate) runner: Runner,
    /// Each with its name, or why it could not be opened.
    pub(crate) oracles: Vec<(String, Result<Oracle, String>)>,
}

impl RunContext {
    /// Each cycle has a name of its own in its keys and items.
    fn setting(&self, cycle: u32) -> Setting {
        Setting {
            seed: self.seed,
            run: format!("{}.{cycle}", self.run),
            instances: self.runner.pools.len(),
        }
    }

    /// Everything once; what it leaves in the history can be judged by itself.
    pub(crate) async fn cycle(&self, number: u32, profile: Profile, progress: &Progress) -> Cycle {
        let mut cycle = Cycle::default();
        // One key may have bad luck; two that get no order belong to no server of orders.
        let mut speaks = Ok(());
        for first in [0, 7] {
            let case = workload::case(
                &self.setting(number),
                Scenario::Contract,
                number * CASES + first,
            );
            self.runner.play(&case).await;
            let recorder = &self.runner.recorder;
            speaks = recorder.with_attempts(|all| judge::speaks(all, &self.target));
            let silent = recorder.with_attempts(|all| all.iter().all(|one| one.answer().is_none()));
            if speaks.is_ok() || silent {
                break;
            }
        }
        if speaks.is_err() {
            cycle.t = self.runner.recorder.now();
            return cycle;
        }
        cycle.troubles = self.scenarios(number, profile, progress).await;
        progress.begin("retry and read", 1);
        if let Some(Err(error)) = self.heal().await {
            cycle.troubles.push(format!("could not be healed: {error}"));
        }
        let control = self.control(number, "drain");
        cycle.alive = self
            .runner
            .drain(control, profile.settle(), profile.replays())
            .await;
        self.read(number).await;
        progress.tick(0);
        cycle.t = self.runner.recorder.now();
        cycle
    }

    /// All scenarios; returns what kept them from being played.
    async fn scenarios(&self, cycle: u32, profile: Profile, progress: &Progress) -> Vec<String> {
        let begun = Instant::now();
        let latency = self.latency(cycle).await;
        let hurried = profile == Profile::Quick && latency > SLOW;
        for (place, group) in groups(&self.wanted, hurried).iter().enumerate() {
            let names: Vec<&str> = group.iter().map(|one| one.name()).collect();
            let names = names.join(", ");
            if begun.elapsed() > profile.budget() * 5 / 4 {
                return vec![format!("there was no time for {names}")];
            }
            let cases = group.iter().map(|one| u64::from(profile.share(*one).cases));
            progress.begin(&names, cases.sum());
            let late = begun.elapsed() > profile.budget();
            let play = |one: &Scenario| {
                // When the time is nearly over, everything that is left is tried a little.
                let mut share = profile.share(*one);
                if late {
                    share.time /= 10;
                }
                self.scenario(*one, cycle, share, latency, progress)
            };
            join_all(group.iter().map(play)).await;
            self.runner.recorder.give_up();
            let control = self.control(cycle, &place.to_string());
            if !self.runner.control(control).await {
                return vec![format!("the target stopped taking orders during {names}")];
            }
        }
        Vec::new()
    }

    /// The cases of one scenario, some at once, until they or their time are used up.
    async fn scenario(
        &self,
        scenario: Scenario,
        cycle: u32,
        share: Share,
        latency: Duration,
        progress: &Progress,
    ) {
        let slow = usize::try_from(latency.as_millis() / SLOW.as_millis()).unwrap_or(0);
        let lanes = share.lanes * (1 + slow.min(3));
        let deadline = Instant::now() + share.time;
        let skip = u32::from(scenario == Scenario::Contract);
        let setting = self.setting(cycle);
        let cases = (skip..share.cases)
            .take_while(|_| Instant::now() < deadline)
            .map(|number| workload::case(&setting, scenario, cycle * CASES + number));
        let play = stream::iter(cases).for_each_concurrent(lanes, |case| async move {
            self.runner.play(&case).await;
            progress.tick(case.attempts());
        });
        // A target that hangs must not hold up the run: its clients give up and go away.
        let bound = share.time + self.runner.patience * 2;
        let longest = if scenario.needs_processes() {
            bound * 4
        } else {
            bound
        };
        let _ = tokio::time::timeout(longest, play).await;
    }

    /// How long a fresh order takes; the first ones of all may take longer.
    async fn latency(&self, cycle: u32) -> Duration {
        let mut least = Duration::MAX;
        for name in ["first", "second"] {
            let begun = Instant::now();
            self.runner.control(self.control(cycle, name)).await;
            least = least.min(begun.elapsed());
        }
        least
    }

    /// Fresh keys, to see whether orders are still taken.
    fn control(&self, cycle: u32, name: &str) -> [PlannedAttempt; 2] {
        ["a", "b"].map(|turn| {
            let label = format!("control-{name}-{turn}");
            let key = format!("hammer-{}.{cycle}-{label}", self.run);
            let label = format!("{label}-{cycle}");
            PlannedAttempt::place(&label, &key, Payload::new(key.clone(), 1))
        })
    }

    async fn heal(&self) -> Option<Result<(), ProcessError>> {
        let instances = self.runner.instances.as_ref()?;
        for pool in &self.runner.pools {
            pool.clear();
        }
        Some(instances.heal().await)
    }

    /// Asks every oracle for the orders of this cycle.
    async fn read(&self, cycle: u32) {
        let recorder = &self.runner.recorder;
        for (name, oracle) in &self.oracles {
            let (orders, trouble) = match oracle {
                Ok(oracle) => oracle.read(&format!("hammer-{}.{cycle}-", self.run)).await,
                Err(error) => (Vec::new(), Some(error.clone())),
            };
            let count = orders.len() as u64;
            for order in orders {
                recorder.record(Event::Stored(order));
            }
            recorder.record(Event::Oracle(OracleRead {
                t: recorder.now(),
                oracle: name.clone(),
                orders: count,
                trouble,
            }));
        }
    }

    /// The user has had enough: no more orders, but what was seen is worth a report.
    pub(crate) async fn interrupted(&self, cycle: u32) -> Cycle {
        self.runner.recorder.give_up();
        let read = async {
            let _ = self.heal().await;
            self.read(cycle).await;
        };
        // A target that hangs must not hold up the user: then nothing is known of its orders.
        let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
        Cycle {
            t: self.runner.recorder.now(),
            interrupted: true,
            ..Cycle::default()
        }
    }
}

/// Scenarios one after another, but all at once where there is no time to wait for a slow target,
/// which leaves this machine idle. Who kills processes plays alone.
fn groups(wanted: &[Scenario], hurried: bool) -> Vec<Vec<Scenario>> {
    let (alone, together): (Vec<Scenario>, Vec<Scenario>) =
        wanted.iter().partition(|one| one.needs_processes());
    let abreast = if hurried { together.len() } else { 1 };
    let groups = together.chunks(abreast.max(1)).map(<[Scenario]>::to_vec);
    groups
        .chain(alone.into_iter().map(|one| vec![one]))
        .collect()
}

/// A target that answers slower than this is waited for on more lanes.
const SLOW: Duration = Duration::from_millis(25);

/// Case numbers of one cycle.
const CASES: u32 = 70_000;
