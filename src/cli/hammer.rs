//! `orders hammer`: whom to torment, how hard, and where the reports go.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{CliError, Status, print};
use crate::hammer::{
    self, Format, Launch, LoadSettings, OracleChoice, Profile, Progress, Report, Scenario, Service,
    Settings, Target, Threshold, Verdict,
};

/// Fires concurrent requests with the same key, injects faults, and checks that exactly one order
/// exists for each key.
///
/// Without --url it starts private instances of this program on a temporary database, and kills
/// some of them. It exits with 0 only on evidence that the promise held, 1 when it was violated,
/// 2 when it could not tell, 130 when it was interrupted.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct HammerArgs {
    #[command(subcommand)]
    command: Option<HammerCommand>,

    /// A running service; several are instances of one service
    #[arg(long, value_name = "URL")]
    url: Vec<String>,

    /// Seven seconds instead of a minute, and no kills
    #[arg(long, conflicts_with = "soak")]
    quick: bool,

    /// Over and over, until --duration ends
    #[arg(long)]
    soak: bool,

    /// How long to soak or to load, such as 90s, 15m or 2h [default: 10m, under --load 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,

    /// Repeats every choice of a run [default: drawn]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Only this scenario; may be repeated
    #[arg(long, value_name = "NAME", value_parser = scenario)]
    scenario: Vec<Scenario>,

    /// Where to read what is stored: api, db:URL or none; may be repeated, and all must agree
    #[arg(long, value_name = "ORACLE", value_parser = oracle, default_value = "api")]
    oracle: Vec<Oracle>,

    /// Count every letter of the contract, not only its promise [default without --url]
    #[arg(long)]
    strict: bool,

    /// A header for every request, such as 'Authorization: Bearer …'
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,

    /// Make orders on a machine that is not this one
    #[arg(long)]
    allow_remote: bool,

    /// Write report.json, report.html, junit.xml and history.ndjson here
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,

    /// Database of the private instances [default: a temporary SQLite file]
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    database_url: Option<String>,

    /// How many private instances
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "url", value_parser = clap::value_parser!(u8).range(1..=16))]
    instances: u8,

    // Last: the heading of its options would go on over those that follow.
    /// Measure throughput and latency instead
    #[arg(long, conflicts_with_all = ["quick", "soak", "scenario"])]
    load: bool,

    #[command(flatten)]
    figures: LoadArgs,
}

/// What only --load understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
struct LoadArgs {
    /// Connections, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 64, requires = "load", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,

    /// Requests a second by plan, and latency from the plan [default: as fast as answers come]
    #[arg(long, value_name = "N", requires = "load", value_parser = rate)]
    rate: Option<f64>,

    /// How many of a hundred requests repeat the key before them
    #[arg(long, value_name = "PERCENT", default_value_t = 0, requires = "load", value_parser = clap::value_parser!(u8).range(0..=100))]
    replays: u8,

    /// Left out of all figures
    #[arg(long, value_name = "TIME", default_value = "2s", requires = "load", value_parser = humantime::parse_duration)]
    warmup: Duration,

    /// What must be true, such as 'p99<50ms', 'rps>500' or 'errors==0'
    #[arg(long, value_name = "CONDITION", requires = "load")]
    assert: Vec<Threshold>,
}

#[derive(Debug, Subcommand)]
enum HammerCommand {
    /// Judges a history again
    Check {
        /// A history.ndjson
        file: PathBuf,
        /// Write the reports here
        #[arg(long, value_name = "DIR")]
        report: Option<PathBuf>,
    },
}

/// Where the truth comes from, on the command line.
#[derive(Debug, Clone)]
enum Oracle {
    Asked(OracleChoice),
    None,
}

impl HammerArgs {
    /// Runs the command.
    pub(super) async fn run(&self) -> Result<Status, CliError> {
        if let Some(HammerCommand::Check { file, report }) = &self.command {
            let found = hammer::check(file)?;
            return conclude(&found, report.as_deref());
        }
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
    let oracles = args.oracle.iter().filter_map(|oracle| match oracle {
        Oracle::Asked(choice) => Some(choice.clone()),
        Oracle::None => None,
    });
    Ok(Settings {
        service: service(args, scratch).await?,
        headers: args.header.clone(),
        seed,
        profile,
        scenarios: args.scenario.clone(),
        oracles: oracles.collect(),
        strict: args.strict || args.url.is_empty(),
        report: args.report.clone(),
        repeat: repeat(seed),
    })
}

async fn service(args: &HammerArgs, scratch: &Scratch) -> Result<Service, CliError> {
    if args.url.is_empty() {
        let launch = launch(args, scratch)?;
        return Ok(Service::Private(launch, usize::from(args.instances)));
    }
    let mut targets = Vec::new();
    for url in &args.url {
        targets.push(Target::resolve(url, args.allow_remote).await?);
    }
    Ok(Service::Running(targets))
}

/// Throughput and latency.
async fn measure(args: &HammerArgs, scratch: &Scratch) -> Result<Status, CliError> {
    let figures = &args.figures;
    let settings = LoadSettings {
        service: service(args, scratch).await?,
        headers: args.header.clone(),
        connections: usize::from(figures.connections),
        rate: figures.rate,
        replays: figures.replays,
        warmup: figures.warmup,
        duration: args.duration.unwrap_or(Duration::from_secs(10)),
        thresholds: figures.assert.clone(),
    };
    let report = tokio::select! {
        report = hammer::load(&settings) => report?,
        () = interrupt() => return Ok(Status::Interrupted),
    };
    print(&report.text())?;
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("load.json"), report.json())?;
    }
    Ok(status(report.verdict()))
}

/// This program, serving.
fn launch(args: &HammerArgs, scratch: &Scratch) -> Result<Launch, CliError> {
    let database = match &args.database_url {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", scratch.0.join("orders.db").display()),
    };
    if let Some(folder) = &args.report {
        std::fs::create_dir_all(folder)?;
    }
    Ok(Launch {
        program: std::env::current_exe()?,
        arguments: vec!["serve".into()],
        variables: vec![
            ("HOST".to_owned(), "127.0.0.1".to_owned()),
            ("DATABASE_URL".to_owned(), database),
        ],
        port_variable: "PORT".to_owned(),
        logs: args.report.clone(),
    })
}

/// The command line of this run with its seed; credentials are left to the user.
fn repeat(seed: u64) -> String {
    let mut words = vec!["orders".to_owned()];
    let mut arguments = std::env::args().skip(1);
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--seed" => drop(arguments.next()),
            "--header" | "--database-url" => {
                arguments.next();
                words.extend([word, "…".to_owned()]);
            }
            _ if word.starts_with("--seed=") => {}
            _ if word.starts_with("--header=") => words.push("--header …".to_owned()),
            _ if word.starts_with("--database-url=") => words.push("--database-url …".to_owned()),
            _ if word.starts_with("db:") || word.starts_with("--oracle=db:") => {
                words.push("db:…".to_owned());
            }
            _ => words.push(word),
        }
    }
    format!("{} --seed {seed}", words.join(" "))
}

/// Ctrl-C, or being asked to end.
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

/// A folder for the private database, gone with this value.
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
        // What cannot be removed is left to whoever cleans the temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a rate is a number above zero".to_owned()),
    }
}

fn scenario(name: &str) -> Result<Scenario, String> {
    Scenario::named(name).ok_or_else(|| {
        let names: Vec<&str> = Scenario::ALL.iter().map(|one| one.name()).collect();
        format!("the scenarios are {}", names.join(", "))
    })
}

fn oracle(text: &str) -> Result<Oracle, String> {
    match text.split_once(':') {
        None if text == "api" => Ok(Oracle::Asked(OracleChoice::Api)),
        None if text == "none" => Ok(Oracle::None),
        Some(("db", url)) => Ok(Oracle::Asked(OracleChoice::Database(url.to_owned()))),
        _ => Err("an oracle is api, db:URL or none".to_owned()),
    }
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| "a header is NAME: VALUE".to_owned())?;
    let (name, value) = (name.trim(), value.trim());
    let is_token =
        |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&letter);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("`{name}` is no header name"));
    }
    if value.bytes().any(|letter| letter < 0x20 && letter != b'\t') {
        return Err("a header value has no control characters".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
