//! A run from beginning to end: contract, scenarios, healing, retries, oracle, verdict.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};

use super::drive::Driver;
use super::fault::{Instances, ProcessError};
use super::history::{
    Chapter, Event, Header, HistoryError, OracleRead, Page, Reader, Recorder, VERSION, Writer,
};
use super::judge::{self, Judgement};
use super::oracle::Oracle;
use super::pace::{Pace, Share};
use super::report::{Progress, Report};
use super::settings::{Service, Settings};
use super::wire::Pool;
use super::workload::{self, Payload, Scenario, Setting, Shot};

/// Why there is no verdict at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A private instance does not run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The reports cannot be written.
    #[error("could not write {path}")]
    Write {
        /// What was written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Torments a service as `settings` say until it is done or `interrupt` resolves.
pub async fn run(
    settings: &Settings,
    progress: &Progress,
    interrupt: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    let run = Run::begin(settings).await?;
    let mut judgement = Judgement::new(run.header.clone());
    let mut interrupt = std::pin::pin!(interrupt);
    let end = match settings.pace {
        Pace::Soak(duration) => Instant::now() + duration,
        Pace::Quick | Pace::Full => Instant::now(),
    };
    for number in 0.. {
        let chapter = tokio::select! {
            chapter = run.chapter(number, settings.pace, progress) => chapter,
            () = &mut interrupt => run.interrupted(number).await,
        };
        let page = run.driver.recorder.turn(chapter);
        judge::judge(&mut judgement, &page);
        if Instant::now() >= end || judgement.interrupted || !judgement.doubts.is_empty() {
            break;
        }
    }
    progress.finish();
    if let (Some(source), Some(folder)) = (run.driver.recorder.broken(), &settings.report) {
        let path = folder.join("history.ndjson");
        return Err(RunError::Write { path, source });
    }
    Ok(Report::new(judgement))
}

/// Judges the history in `path` again.
pub fn check(path: &Path) -> Result<Report, RunError> {
    let (header, reader) = Reader::open(path)?;
    let mut judgement = Judgement::new(header);
    let mut page = Page::default();
    let mut complete = false;
    for event in reader {
        let event = event?;
        complete = matches!(event, Event::Chapter(_));
        page.add(event);
        if complete {
            judge::judge(&mut judgement, &std::mem::take(&mut page));
        }
    }
    if !complete {
        judge::judge(&mut judgement, &page);
    }
    Ok(Report::new(judgement))
}

/// What a run has at hand.
struct Run {
    header: Header,
    setting: Setting,
    wanted: Vec<Scenario>,
    driver: Driver,
    oracles: Vec<(String, Result<Oracle, String>)>,
}

impl Run {
    async fn begin(settings: &Settings) -> Result<Self, RunError> {
        let (targets, instances) = match &settings.service {
            Service::Running(targets) => (targets.clone(), None),
            Service::Private(launch, count) => {
                let instances = Instances::start(launch.clone(), *count).await?;
                (instances.targets(), Some(Arc::new(instances)))
            }
        };
        let name = format!("{:08x}", uuid::Uuid::new_v4().as_fields().0);
        let header = header(
            settings,
            &name,
            targets.iter().map(|one| one.url.clone()).collect(),
        );
        let writer = match &settings.report {
            None => None,
            Some(folder) => Some(create(&folder.join("history.ndjson"))?),
        };
        let recorder = Arc::new(Recorder::new(writer));
        recorder.record(Event::Run(header.clone()));
        let patience = settings.pace.patience();
        let pool = |target| Arc::new(Pool::new(target, settings.headers.clone(), patience));
        let pools: Vec<Arc<Pool>> = targets.into_iter().map(pool).collect();
        let mut oracles = Vec::new();
        for choice in &settings.oracles {
            let oracle = Oracle::open(choice, &pools[0]).await;
            let name = oracle.as_ref().map_or("oracle", Oracle::name).to_owned();
            oracles.push((name, oracle));
        }
        Ok(Self {
            header,
            setting: Setting {
                seed: settings.seed,
                run: name,
                instances: pools.len(),
            },
            wanted: settings.wanted(),
            driver: Driver {
                pools,
                recorder,
                instances,
                patience,
            },
            oracles,
        })
    }

    /// Everything once; what it leaves in the history can be judged by itself.
    async fn chapter(&self, number: u32, pace: Pace, progress: &Progress) -> Chapter {
        let begun = Instant::now();
        let mut chapter = Chapter::default();
        let first = workload::case(&self.setting, Scenario::Contract, number * CASES);
        self.driver.play(&first).await;
        let target = &self.header.targets[0];
        let speaks = self
            .driver
            .recorder
            .with_attempts(|all| judge::speaks(all, target));
        if speaks.is_err() {
            chapter.t = self.driver.recorder.now();
            return chapter;
        }
        let latency = self.latency(number).await;
        let hurried = pace == Pace::Quick && latency > SLOW;
        for (place, group) in groups(&self.wanted, hurried).iter().enumerate() {
            let names: Vec<&str> = group.iter().map(|one| one.name()).collect();
            let names = names.join(", ");
            if begun.elapsed() > pace.budget() * 5 / 4 {
                chapter
                    .troubles
                    .push(format!("there was no time for {names}"));
                break;
            }
            let cases = group.iter().map(|one| u64::from(pace.share(*one).cases));
            progress.begin(&names, cases.sum());
            let late = begun.elapsed() > pace.budget();
            let play = |one: &Scenario| {
                // When the time is nearly over, everything that is left is tried a little.
                let mut share = pace.share(*one);
                if late {
                    share.time /= 10;
                }
                self.scenario(*one, number, share, latency, progress)
            };
            join_all(group.iter().map(play)).await;
            self.driver.recorder.give_up();
            let control = self.control(number, &place.to_string());
            if !self.driver.control(control).await {
                let words = format!("the target stopped taking orders during {names}");
                chapter.troubles.push(words);
                break;
            }
        }
        progress.begin("retry and read", 1);
        if let Some(Err(error)) = self.heal().await {
            chapter
                .troubles
                .push(format!("could not be healed: {error}"));
        }
        let control = self.control(number, "drain");
        chapter.alive = self
            .driver
            .drain(control, pace.settle(), pace.replays())
            .await;
        self.read(number).await;
        progress.tick(0);
        chapter.t = self.driver.recorder.now();
        chapter
    }

    /// The cases of one scenario, some at once, until they or their time are used up.
    async fn scenario(
        &self,
        scenario: Scenario,
        chapter: u32,
        share: Share,
        latency: Duration,
        progress: &Progress,
    ) {
        let slow = usize::try_from(latency.as_millis() / SLOW.as_millis()).unwrap_or(0);
        let lanes = share.lanes * (1 + slow.min(7));
        let deadline = Instant::now() + share.time;
        let skip = u32::from(scenario == Scenario::Contract);
        let cases = (skip..share.cases)
            .take_while(|_| Instant::now() < deadline)
            .map(|number| workload::case(&self.setting, scenario, chapter * CASES + number));
        let play = stream::iter(cases).for_each_concurrent(lanes, |case| async move {
            self.driver.play(&case).await;
            progress.tick(case.shots());
        });
        // A target that hangs must not hold up the run: its clients give up and go away.
        let bound = share.time + self.driver.patience * 3 / 2;
        let longest = if scenario.needs_processes() {
            bound * 4
        } else {
            bound
        };
        let _ = tokio::time::timeout(longest, play).await;
    }

    /// How long a fresh order takes; the first ones of all may take longer.
    async fn latency(&self, chapter: u32) -> Duration {
        let mut least = Duration::MAX;
        for name in ["first", "second"] {
            let begun = Instant::now();
            self.driver.control(self.control(chapter, name)).await;
            least = least.min(begun.elapsed());
        }
        least
    }

    /// A fresh key, to see whether orders are still taken.
    fn control(&self, chapter: u32, name: &str) -> Shot {
        let label = format!("control-{chapter}-{name}");
        let key = format!("hammer-{}-{label}", self.setting.run);
        Shot::place(&label, &key, Payload::new(key.clone(), 1))
    }

    async fn heal(&self) -> Option<Result<(), ProcessError>> {
        let instances = self.driver.instances.as_ref()?;
        for pool in &self.driver.pools {
            pool.clear();
        }
        Some(instances.heal().await)
    }

    /// Asks every oracle for the orders of this chapter.
    async fn read(&self, chapter: u32) {
        let recorder = &self.driver.recorder;
        let asked = recorder.with_attempts(|attempts| {
            let items = attempts.iter().map(|one| one.invoked.item.clone());
            items.collect::<std::collections::HashSet<_>>()
        });
        for (name, oracle) in &self.oracles {
            let (orders, trouble) = match oracle {
                Ok(oracle) => oracle.read(&format!("hammer-{}-", self.setting.run)).await,
                Err(error) => (Vec::new(), Some(error.clone())),
            };
            let mut count = 0;
            for order in orders {
                // What earlier chapters asked for has been judged with them.
                if chapter > 0 && !asked.contains(&order.item) {
                    continue;
                }
                count += 1;
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
    async fn interrupted(&self, chapter: u32) -> Chapter {
        self.driver.recorder.give_up();
        let read = async {
            let _ = self.heal().await;
            self.read(chapter).await;
        };
        // A target that hangs must not hold up the user: then nothing is known of its orders.
        let _ = tokio::time::timeout(Duration::from_secs(5), read).await;
        Chapter {
            t: self.driver.recorder.now(),
            interrupted: true,
            ..Chapter::default()
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

/// Case numbers of one chapter.
const CASES: u32 = 70_000;

fn header(settings: &Settings, run: &str, targets: Vec<String>) -> Header {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let names = |choice: &super::OracleChoice| match choice {
        super::OracleChoice::Api => "api".to_owned(),
        super::OracleChoice::Database(_) => "db".to_owned(),
    };
    Header {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_owned(),
        seed: settings.seed,
        profile: settings.pace.name().to_owned(),
        targets,
        scenarios: settings
            .wanted()
            .iter()
            .map(|one| one.name().to_owned())
            .collect(),
        oracles: settings.oracles.iter().map(names).collect(),
        strict: settings.strict,
        least_contended: if settings.scenarios.is_empty() {
            settings.pace.least_contended()
        } else {
            1
        },
        settle_ms: u64::try_from(settings.pace.settle().as_millis()).unwrap_or(u64::MAX),
        started_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        repeat: settings.repeat.clone(),
    }
}

fn create(path: &Path) -> Result<Writer, RunError> {
    let failed = |source| RunError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    Writer::create(path).map_err(failed)
}
