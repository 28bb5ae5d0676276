//! Runs the hammer from set-up to verdict, and judges a recorded history again.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::contract::Contract;
use super::cycle::RunContext;
use super::error::RunError;
use super::history::{
    Archive, CycleHistory, Event, Header, OracleKind, Reader, Recorder, SOAK_BYTES, VERSION,
};
use super::judge::Judgement;
use super::oracle::{Oracle, OracleChoice};
use super::profile::Profile;
use super::progress::Progress;
use super::report::Report;
use super::runner::{Client, Runner};
use super::settings::{Service, Settings};
use super::wire::{Pool, Target};
use super::words::counted;

/// Runs the scenarios of `settings` until they are done or `interrupt` resolves.
pub async fn run(
    settings: &Settings,
    progress: &Progress,
    interrupt: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    let (header, context) = begin(settings).await?;
    let recorder = &context.runner.client.recorder;
    progress.say(&announcement(&header, &context, settings.profile));
    let mut report = Report::new(Judgement::new(header));
    let mut interrupt = std::pin::pin!(interrupt);
    let end = match settings.profile {
        Profile::Soak(duration) => Instant::now() + duration,
        Profile::Quick | Profile::Full => Instant::now(),
    };
    for number in 0.. {
        let cycle = tokio::select! {
            cycle = context.run_cycle(number, settings.profile, progress) => cycle,
            () = &mut interrupt => {
                progress.interrupt();
                context.end_interrupted(number).await
            }
        };
        report.add(&recorder.finish_cycle(cycle));
        if Instant::now() >= end || !report.may_go_on() {
            break;
        }
    }
    progress.finish();
    if let (Some(source), Some(folder)) = (recorder.take_write_error(), &settings.report) {
        let path = folder.clone();
        return Err(RunError::Write { path, source });
    }
    Ok(report)
}

/// Says what the run will leave in the service, before its first order.
fn announcement(header: &Header, context: &RunContext, profile: Profile) -> String {
    let orders = counted(context.planned_orders(profile), "order", "orders");
    let each = match profile {
        Profile::Soak(_) => " in each cycle",
        Profile::Quick | Profile::Full => "",
    };
    let place = if header.temporary {
        "in a temporary database".to_owned()
    } else {
        let prefix = header.item_prefix();
        format!("that stay in the service, with items that begin with `{prefix}`")
    };
    format!("makes up to {orders}{each} {place}")
}

/// Judges the history in `path` again.
pub fn check(path: &Path) -> Result<Report, RunError> {
    let (header, mut reader) = Reader::open(path)?;
    let mut report = Report::new(Judgement::new(header));
    let mut history = CycleHistory::default();
    let mut complete = false;
    for event in &mut reader {
        let event = event?;
        complete = matches!(event, Event::Cycle(_));
        history.add(event);
        if complete {
            report.add(&std::mem::take(&mut history));
        }
    }
    if !complete {
        report.add(&history);
    }
    report.missing_cycles = reader.missing_cycles();
    Ok(report)
}

/// Starts the service if it is private, opens connections, the history and the oracles.
async fn begin(settings: &Settings) -> Result<(Header, RunContext), RunError> {
    let response_timeout = settings.profile.response_timeout();
    let archive = match &settings.report {
        None => None,
        Some(folder) => Some(archive(folder, settings.profile)?),
    };
    let (targets, instances) = settings.service.start(response_timeout).await?;
    let run = format!("{:08x}", uuid::Uuid::new_v4().as_fields().0);
    let urls = targets.iter().map(|target| target.url.clone()).collect();
    let insecure = targets.iter().any(Target::is_insecure);
    let header = header(settings, &run, urls, insecure);
    let recorder = Recorder::new(archive);
    recorder.record(Event::Run(header.clone()));
    let contract = settings.contract().clone();
    let headers = contract.headers(&settings.headers);
    let pool = |target| Arc::new(Pool::new(target, headers.clone(), response_timeout));
    let pools: Vec<Arc<Pool>> = targets.into_iter().map(pool).collect();
    let mut oracles = Vec::new();
    for choice in &settings.oracles {
        oracles.push((choice.kind(), open(choice, &contract, &pools[0]).await?));
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
                contract,
                response_timeout,
            },
            instances,
        },
        oracles,
    };
    Ok((header, context))
}

/// Opens an oracle. A run whose oracle cannot be read would prove nothing.
async fn open(choice: &OracleChoice, contract: &Contract, pool: &Pool) -> Result<Oracle, RunError> {
    Oracle::open(choice, contract, pool)
        .await
        .map_err(|reason| {
            let kind = choice.kind();
            RunError::Oracle {
                oracle: kind.name(),
                reason,
                hint: match kind {
                    OracleKind::Api => {
                        "pass --oracle db:URL, or --oracle none to judge the answers alone"
                    }
                    OracleKind::Db => "it needs the query of the contract and permission to run it",
                },
            }
        })
}

fn header(settings: &Settings, run: &str, targets: Vec<String>, insecure: bool) -> Header {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let profile = settings.profile;
    Header {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_owned(),
        temporary: matches!(&settings.service, Service::Private(launch, _) if launch.temporary),
        insecure,
        first_cycle: 0,
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
        contract: settings.contract.clone().map(Box::new),
    }
}

/// Creates the history of a run in its folder.
fn archive(folder: &Path, profile: Profile) -> Result<Archive, RunError> {
    let bound = match profile {
        Profile::Soak(_) => Some(SOAK_BYTES),
        Profile::Quick | Profile::Full => None,
    };
    Archive::create(folder, bound).map_err(|source| RunError::Write {
        path: folder.to_owned(),
        source,
    })
}
