//! `orders hammer`: turns arguments into settings, and a report into an exit status.

mod args;
mod contract;
mod repeat;
mod usage;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CliError, Status, print, progress};
use crate::hammer::{
    self, Contract, Format, Launch, LoadSettings, Profile, Progress, Readiness, Report, Service,
    Settings, Target, Trust, Verdict,
};
pub(super) use args::HammerArgs;
use args::HammerCommand;

impl HammerArgs {
    /// Runs the command.
    pub(super) async fn run(&self) -> Result<Status, CliError> {
        match &self.command {
            Some(HammerCommand::Check { file, report }) => {
                let file = file.clone();
                let judging = tokio::task::spawn_blocking(move || hammer::check(&file));
                let found = progress::shown("judging the history", String::new, judging).await??;
                return conclude(&found, report.as_deref());
            }
            Some(HammerCommand::Contract) => {
                print(Contract::ORDERS)?;
                return Ok(Status::Done);
            }
            None => {}
        }
        usage::check(self)?;
        let scratch = Scratch::new()?;
        if self.load {
            return measure(self, &scratch).await;
        }
        let settings = settings(self, &scratch).await?;
        let unplayable = settings.unplayable_scenarios();
        if !unplayable.is_empty() {
            return Err(unplayable.join("; ").into());
        }
        let progress = Progress::new(Format::detect());
        let found = hammer::run(&settings, &progress, interrupt()).await?;
        conclude(&found, settings.report.as_deref())
    }
}

/// Writes the reports and prints the verdict.
fn conclude(found: &Report, folder: Option<&Path>) -> Result<Status, CliError> {
    let color = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    if let Some(folder) = folder {
        found.write(folder)?;
    }
    print(&found.text(color))?;
    if let Some(folder) = folder {
        print(&format!("reports in {}\n", folder.display()))?;
    }
    if found.interrupted() {
        return Ok(Status::Interrupted);
    }
    Ok(status(found.verdict()))
}

fn status(verdict: Verdict) -> Status {
    match verdict {
        Verdict::Held => Status::Done,
        Verdict::Violated => Status::No,
        Verdict::Unknown => Status::Unknown,
    }
}

async fn settings(args: &HammerArgs, scratch: &Scratch) -> Result<Settings, CliError> {
    let seed = args
        .seed
        .unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 >> 32);
    let profile = match (args.quick, args.soak) {
        (true, _) => Profile::Quick,
        (_, true) => Profile::Soak(args.duration.unwrap_or(Duration::from_mins(10))),
        _ => Profile::Full,
    };
    let contract = args.contract.read()?;
    let oracles = contract::oracles(&args.oracle, contract.as_ref())?;
    Ok(Settings {
        service: service(args, scratch).await?,
        contract,
        headers: args.header.clone(),
        seed,
        profile,
        scenarios: args.scenario.clone(),
        oracles,
        strict: args.strict || args.url.is_empty() && args.spawn.is_none(),
        report: args.report.clone(),
        repeat: repeat::command(std::env::args().skip(1), seed),
    })
}

async fn service(args: &HammerArgs, scratch: &Scratch) -> Result<Service, CliError> {
    if args.url.is_empty() {
        let launch = launch(args, scratch)?;
        return Ok(Service::Private(launch, usize::from(args.instances)));
    }
    let trust = Trust {
        cacert: args.cacert.clone(),
        insecure: args.insecure,
    };
    let mut targets = Vec::new();
    for url in &args.url {
        targets.push(Target::resolve_trusting(url, args.allow_remote, &trust).await?);
    }
    Ok(Service::Running(targets))
}

/// Measures throughput and latency.
async fn measure(args: &HammerArgs, scratch: &Scratch) -> Result<Status, CliError> {
    let load = &args.load_args;
    let settings = LoadSettings {
        service: service(args, scratch).await?,
        contract: args.contract.read()?,
        headers: args.header.clone(),
        connections: usize::from(load.connections.unwrap_or(64)),
        rate: load.rate,
        replays: load.replays.unwrap_or(0),
        warmup: load.warmup.unwrap_or(Duration::from_secs(2)),
        duration: args.duration.unwrap_or(Duration::from_secs(10)),
        thresholds: load.assert.clone(),
    };
    let planned = format!(
        ", {} are measured after {} of warm-up",
        humantime::format_duration(settings.duration),
        humantime::format_duration(settings.warmup)
    );
    let measuring = hammer::load(&settings);
    let report = tokio::select! {
        report = progress::shown("measuring", || planned.clone(), measuring) => report?,
        () = interrupt() => return Ok(Status::Interrupted),
    };
    print(&report.text())?;
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("load.json"), report.json())?;
    }
    Ok(status(report.verdict()))
}

/// How to start an instance: the command of `--spawn`, or `orders serve` of this program.
fn launch(args: &HammerArgs, scratch: &Scratch) -> Result<Launch, CliError> {
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder)?;
    }
    if let Some(spawned) = &args.spawn {
        return Ok(Launch {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), spawned.into()],
            variables: Vec::new(),
            port_variable: "PORT".to_owned(),
            logs: args.report.clone(),
            temporary: false,
            readiness: Readiness::Answers,
        });
    }
    let database = match &args.database_url {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", scratch.0.join("orders.db").display()),
    };
    Ok(Launch {
        program: std::env::current_exe()?,
        arguments: vec!["serve".into()],
        variables: vec![
            ("HOST".to_owned(), "127.0.0.1".to_owned()),
            ("DATABASE_URL".to_owned(), database),
        ],
        port_variable: "PORT".to_owned(),
        logs: args.report.clone(),
        temporary: args.database_url.is_none(),
        readiness: Readiness::Healthy,
    })
}

/// Resolves on SIGINT or SIGTERM.
async fn interrupt() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { std::future::pending().await },
        _ = terminate => {}
    }
}

/// A temporary folder for the private database, removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("orders-hammer-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // If it cannot be removed, it stays in the temporary folder of the system.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
