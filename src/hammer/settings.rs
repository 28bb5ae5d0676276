//! Settings of a run, resolved from the command line.

use std::path::PathBuf;
use std::time::Duration;

use super::contract::Contract;
use super::error::RunError;
use super::fault::{Instances, Launch};
use super::oracle::OracleChoice;
use super::profile::Profile;
use super::wire::{Target, WireError};
use super::workload::Scenario;

/// Everything a run needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The service under test.
    pub service: Service,
    /// What the service promises, if not the contract of `orders`.
    pub contract: Option<Contract>,
    /// Headers of every request, such as credentials. Never written to a report.
    pub headers: Vec<(String, String)>,
    /// Seed of every random choice of the run.
    pub seed: u64,
    /// Length and intensity of the run.
    pub profile: Profile,
    /// The scenarios to run, beside `contract`, which always runs. Empty for all that fit.
    pub scenarios: Vec<Scenario>,
    /// Where to read what is stored. Empty to judge the answers alone.
    pub oracles: Vec<OracleChoice>,
    /// Whether every deviation from the contract is a violation.
    pub strict: bool,
    /// The folder for the history and the reports.
    pub report: Option<PathBuf>,
    /// The command that repeats the run.
    pub repeat: String,
}

/// The service under test.
#[derive(Debug, Clone)]
pub enum Service {
    /// It already runs, in one instance or several.
    Running(Vec<Target>),
    /// The hammer starts this many instances of it and may kill them.
    Private(Launch, usize),
}

impl Service {
    /// Starts the service if it is private. Its instances end when the returned value is dropped.
    ///
    /// Instances that run already must accept a connection within `limit`.
    pub(crate) async fn start(
        &self,
        limit: Duration,
    ) -> Result<(Vec<Target>, Option<Instances>), RunError> {
        match self {
            Self::Running(targets) => {
                let mut targets = targets.clone();
                for target in &mut targets {
                    let reached = target.reach(limit).await;
                    reached.map_err(|source| RunError::Unreachable {
                        url: target.url.clone(),
                        hint: match source {
                            WireError::Handshake(_) => {
                                "pass --cacert FILE for a private authority, or --insecure"
                            }
                            _ => "is the service running?",
                        },
                        source: source.into(),
                    })?;
                }
                Ok((targets, None))
            }
            Self::Private(launch, count) => {
                let instances = Instances::start(launch.clone(), *count).await?;
                Ok((instances.targets(), Some(instances)))
            }
        }
    }
}

impl Settings {
    /// What the service promises.
    pub(crate) fn contract(&self) -> &Contract {
        self.contract.as_ref().unwrap_or(Contract::of_orders())
    }

    /// Returns the requested scenarios that this run cannot play, each with the reason.
    #[must_use]
    pub fn unplayable_scenarios(&self) -> Vec<String> {
        let obstacles = self.scenarios.iter().filter_map(|scenario| {
            let reason = self.obstacle(*scenario)?;
            Some(format!("{}: {reason}", scenario.name()))
        });
        obstacles.collect()
    }

    /// Returns the requested scenarios that this run can play.
    pub(crate) fn playable_scenarios(&self) -> Vec<Scenario> {
        let requested = |scenario: Scenario| {
            self.scenarios.is_empty()
                || self.scenarios.contains(&scenario)
                || scenario == Scenario::Contract
        };
        Scenario::ALL
            .into_iter()
            .filter(|scenario| requested(*scenario) && self.obstacle(*scenario).is_none())
            .collect()
    }

    fn obstacle(&self, scenario: Scenario) -> Option<&'static str> {
        let (instances, private) = match &self.service {
            Service::Running(targets) => (targets.len(), false),
            Service::Private(_, count) => (*count, true),
        };
        if scenario.needs_processes() && !private {
            Some("needs instances that the hammer starts: pass --spawn, or omit --url")
        } else if scenario.needs_instances() && instances < 2 {
            Some("needs several instances")
        } else if !self.profile.includes(scenario) {
            Some("not part of --quick")
        } else {
            None
        }
    }
}
