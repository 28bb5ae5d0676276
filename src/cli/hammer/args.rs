//! Arguments of `orders hammer`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::contract::ContractArgs;
use crate::cli::duration;
use crate::hammer::{OracleChoice, Scenario, Threshold};

/// Tests a service for idempotency: one order per key under races, faults and crashes.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct HammerArgs {
    #[command(subcommand)]
    pub(super) command: Option<HammerCommand>,

    /// http:// or https:// URL of a running service. Repeat for several instances of the same service
    #[arg(long, value_name = "URL")]
    pub(super) url: Vec<String>,

    /// Start the service with this shell command, once per instance, with PORT set
    #[arg(long, value_name = "CMD", conflicts_with_all = ["url", "database_url"])]
    pub(super) spawn: Option<String>,

    /// Run for seven seconds instead of a minute, without kills
    #[arg(long, conflicts_with = "soak")]
    pub(super) quick: bool,

    /// Repeat full runs until --duration has passed
    #[arg(long)]
    pub(super) soak: bool,

    /// Duration of --soak or --load, e.g. 90s or 2h [default: 10m, with --load 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) duration: Option<Duration>,

    /// Seed of every random choice [default: random]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// Run only this scenario. May be repeated
    #[arg(long, value_name = "NAME", value_parser = scenario)]
    pub(super) scenario: Vec<Scenario>,

    #[command(flatten)]
    pub(super) contract: ContractArgs,

    /// Where to read stored orders: api, db:URL or none. Repeat to compare several
    /// [default: api, or none if the contract has no list]
    #[arg(long, value_name = "ORACLE", value_parser = oracle)]
    pub(super) oracle: Vec<Oracle>,

    /// Treat every deviation from the contract as a violation [default for private instances]
    #[arg(long)]
    pub(super) strict: bool,

    /// Header for every request, e.g. 'Authorization: Bearer …'. May be repeated
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(super) header: Vec<(String, String)>,

    /// PEM file of the authorities to trust for https:// [default: those of the system]
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(super) cacert: Option<PathBuf>,

    /// Accept any certificate of https:// targets (said in the verdict)
    #[arg(long)]
    pub(super) insecure: bool,

    /// Allow targets that are not loopback (creates real orders)
    #[arg(long)]
    pub(super) allow_remote: bool,

    /// Write report.html, report.json, junit.xml, summary.md and the history here
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,

    /// Database of the private instances [default: a temporary SQLite file]
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    pub(super) database_url: Option<String>,

    /// Number of private instances
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "url", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(super) instances: u8,

    // Last, because the heading of the load options applies to everything after them.
    /// Measure throughput and latency instead
    #[arg(long, conflicts_with_all = ["quick", "soak", "scenario"])]
    pub(super) load: bool,

    #[command(flatten)]
    pub(super) load_args: LoadArgs,
}

/// Arguments that need `--load`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(super) struct LoadArgs {
    /// Number of connections, each with one request at a time [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(super) connections: Option<u16>,

    /// Planned requests per second, with latency from the planned time [default: closed loop]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(super) rate: Option<f64>,

    /// Percentage of requests that repeat the previous key [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(super) replays: Option<u8>,

    /// Warm-up period, excluded from the results [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(super) warmup: Option<Duration>,

    /// Condition the results must meet, e.g. 'p99<50ms', 'rps>500', 'errors==0'. May be repeated
    #[arg(long, value_name = "CONDITION")]
    pub(super) assert: Vec<Threshold>,
}

#[derive(Debug, Subcommand)]
pub(super) enum HammerCommand {
    /// Print the contract of this service, a commented file to start from
    Contract,
    /// Judge a recorded history again, offline
    Check {
        /// Path of a history, or of the folder of a report
        file: PathBuf,
        /// Write report.html, report.json, junit.xml and summary.md to this folder
        #[arg(long, value_name = "DIR")]
        report: Option<PathBuf>,
    },
}

/// The value of `--oracle`.
#[derive(Debug, Clone)]
pub(super) enum Oracle {
    Read(OracleChoice),
    None,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected a number greater than 0".to_owned()),
    }
}

fn scenario(name: &str) -> Result<Scenario, String> {
    Scenario::named(name).ok_or_else(|| {
        let names = Scenario::ALL.map(Scenario::name);
        format!("expected one of {}", names.join(", "))
    })
}

fn oracle(text: &str) -> Result<Oracle, String> {
    match text.split_once(':') {
        None if text == "api" => Ok(Oracle::Read(OracleChoice::Api)),
        None if text == "none" => Ok(Oracle::None),
        Some(("db", url)) => Ok(Oracle::Read(OracleChoice::Database(url.to_owned()))),
        _ => Err("expected api, db:URL or none".to_owned()),
    }
}

fn header(line: &str) -> Result<(String, String), String> {
    let (name, value) = line
        .split_once(':')
        .ok_or_else(|| "expected NAME: VALUE".to_owned())?;
    let (name, value) = (name.trim(), value.trim());
    let is_token =
        |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&letter);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(format!("invalid header name `{name}`"));
    }
    if value.bytes().any(|letter| letter < 0x20 && letter != b'\t') {
        return Err("control characters are not allowed in a header value".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}
