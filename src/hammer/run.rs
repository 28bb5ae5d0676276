//! Runs the hammer from set-up to verdict, and judges a recorded history again.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::cycle::RunContext;
use super::error::RunError;
use super::history::{CycleHistory, Event, Header, Reader, Recorder, VERSION, Writer};
use super::judge::{self, Judgement, Verdict};
use super::oracle::{Oracle, OracleChoice};
use super::profile::Profile;
use super::progress::Progress;
use super::report::Report;
use super::runner::{Client, Runner};
use super::settings::Settings;
use super::wire::Pool;

/// Runs the scenarios of `settings` until they are done or `interrupt` resolves.
pub async fn run(
    settings: &Settings,
    progress: &Progress,
    interrupt: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    let (header, context) = begin(settings).await?;
    let recorder = &context.runner.client.recorder;
    let mut judgement = Judgement::new(header);
    let mut interrupt = std::pin::pin!(interrupt);
    let end = match settings.profile {
        Profile::Soak(duration) => Instant::now() + duration,
        Profile::Quick | Profile::Full => Instant::now(),
    };
    for number in 0.. {
        let cycle = tokio::select! {
            cycle = context.run_cycle(number, settings.profile, progress) => cycle,
            () = &mut interrupt => context.end_interrupted(number).await,
        };
        judge::judge(&mut judgement, &recorder.finish_cycle(cycle));
        if Instant::now() >= end
            || judgement.verdict() == Verdict::Violated
            || !judgement.inconclusive_reasons.is_empty()
        {
            break;
        }
    }
    progress.finish();
    if let (Some(source), Some(folder)) = (recorder.take_write_error(), &settings.report) {
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

/// Starts the service if it is private, opens connections, the history and the oracles.
async fn begin(settings: &Settings) -> Result<(Header, RunContext), RunError> {
    let (targets, instances) = settings.service.start().await?;
    let run = format!("{:08x}", uuid::Uuid::new_v4().as_fields().0);
    let urls = targets.iter().map(|target| target.url.clone()).collect();
    let header = header(settings, &run, urls);
    let writer = match &settings.report {
        None => None,
        Some(folder) => Some(create(&folder.join("history.ndjson"))?),
    };
    let recorder = Recorder::new(writer);
    recorder.record(Event::Run(header.clone()));
    let response_timeout = settings.profile.response_timeout();
    let pool = |target| {
        Arc::new(Pool::new(
            target,
            settings.headers.clone(),
            response_timeout,
        ))
    };
    let pools: Vec<Arc<Pool>> = targets.into_iter().map(pool).collect();
    let mut oracles = Vec::new();
    for choice in &settings.oracles {
        let oracle = Oracle::open(choice, &pools[0]).await;
        oracles.push((choice.kind(), oracle));
    }
    let context = RunContext {
        seed: settings.seed,
        run,
        target: header.targets[0].clone(),
        scenarios: settings.playable_scenarios(),
        runner: Runner {
            client: Client {
                pools,
                recorder,
                response_timeout,
            },
            instances,
        },
        oracles,
    };
    Ok((header, context))
}

fn header(settings: &Settings, run: &str, targets: Vec<String>) -> Header {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let profile = settings.profile;
    Header {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_owned(),
        seed: settings.seed,
        profile: profile.name(),
        targets,
        scenarios: settings.playable_scenarios(),
        oracles: settings.oracles.iter().map(OracleChoice::kind).collect(),
        strict: settings.strict,
        min_contended_keys: if settings.scenarios.is_empty() {
            profile.min_contended_keys()
        } else {
            1
        },
        settle_ms: u64::try_from(profile.settle_time().as_millis()).unwrap_or(u64::MAX),
        started_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        repeat: settings.repeat.clone(),
    }
}

/// Creates the file and the folder it goes into.
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
