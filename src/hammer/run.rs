//! A run from beginning to end: setting up, cycles, verdict; and judging a history again.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::cycle::RunContext;
use super::fault::{Instances, ProcessError};
use super::history::{
    CycleHistory, Event, Header, HistoryError, Reader, Recorder, VERSION, Writer,
};
use super::judge::{self, Judgement, Verdict};
use super::oracle::{Oracle, OracleChoice};
use super::profile::Profile;
use super::report::{Progress, Report};
use super::runner::Runner;
use super::settings::{Service, Settings};
use super::wire::Pool;

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
    let (header, context) = begin(settings).await?;
    let mut judgement = Judgement::new(header);
    let mut interrupt = std::pin::pin!(interrupt);
    let end = match settings.profile {
        Profile::Soak(duration) => Instant::now() + duration,
        Profile::Quick | Profile::Full => Instant::now(),
    };
    for number in 0.. {
        let cycle = tokio::select! {
            cycle = context.cycle(number, settings.profile, progress) => cycle,
            () = &mut interrupt => context.interrupted(number).await,
        };
        let history = context.runner.recorder.finish_cycle(cycle);
        judge::judge(&mut judgement, &history);
        if Instant::now() >= end
            || judgement.verdict() == Verdict::Violated
            || !judgement.inconclusive_reasons.is_empty()
        {
            break;
        }
    }
    progress.finish();
    if let (Some(source), Some(folder)) = (context.runner.recorder.broken(), &settings.report) {
        let path = folder.join("history.ndjson");
        return Err(RunError::Write { path, source });
    }
    Ok(Report::new(judgement))
}

/// Judges the history in `path` again.
pub fn check(path: &Path) -> Result<Report, RunError> {
    let (header, reader) = Reader::open(path)?;
    let mut judgement = Judgement::new(header);
    let mut history = CycleHistory::default();
    let mut complete = false;
    for event in reader {
        let event = event?;
        complete = matches!(event, Event::Cycle(_));
        history.add(event);
        if complete {
            judge::judge(&mut judgement, &std::mem::take(&mut history));
        }
    }
    if !complete {
        judge::judge(&mut judgement, &history);
    }
    Ok(Report::new(judgement))
}

/// The service, connections to it, the history and the oracles.
async fn begin(settings: &Settings) -> Result<(Header, RunContext), RunError> {
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
    let patience = settings.profile.patience();
    let pool = |target| Arc::new(Pool::new(target, settings.headers.clone(), patience));
    let pools: Vec<Arc<Pool>> = targets.into_iter().map(pool).collect();
    let mut oracles = Vec::new();
    for choice in &settings.oracles {
        let oracle = Oracle::open(choice, &pools[0]).await;
        let name = oracle.as_ref().map_or("oracle", Oracle::name).to_owned();
        oracles.push((name, oracle));
    }
    let context = RunContext {
        seed: settings.seed,
        run: name,
        target: header.targets[0].clone(),
        wanted: settings.wanted(),
        runner: Runner {
            pools,
            recorder,
            instances,
            patience,
        },
        oracles,
    };
    Ok((header, context))
}

fn header(settings: &Settings, run: &str, targets: Vec<String>) -> Header {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let names = |choice: &OracleChoice| match choice {
        OracleChoice::Api => "api".to_owned(),
        OracleChoice::Database(_) => "db".to_owned(),
    };
    Header {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_owned(),
        seed: settings.seed,
        profile: settings.profile.name().to_owned(),
        targets,
        scenarios: settings
            .wanted()
            .iter()
            .map(|one| one.name().to_owned())
            .collect(),
        oracles: settings.oracles.iter().map(names).collect(),
        strict: settings.strict,
        least_contended: if settings.scenarios.is_empty() {
            settings.profile.least_contended()
        } else {
            1
        },
        settle_ms: u64::try_from(settings.profile.settle().as_millis()).unwrap_or(u64::MAX),
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
