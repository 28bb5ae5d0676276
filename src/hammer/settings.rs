//! What a run is asked to do, resolved: the command line ends here.

use std::path::PathBuf;

use super::fault::Launch;
use super::oracle::OracleChoice;
use super::profile::Profile;
use super::wire::Target;
use super::workload::Scenario;

/// Everything a run needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom to torment.
    pub service: Service,
    /// Sent with every request, such as credentials. Never written to a report.
    pub headers: Vec<(String, String)>,
    /// Repeats every choice of a run.
    pub seed: u64,
    /// How long and how hard.
    pub profile: Profile,
    /// Only these; the contract is asked first in any case. Empty for all that fit.
    pub scenarios: Vec<Scenario>,
    /// Where the truth comes from. Empty for the answers alone.
    pub oracles: Vec<OracleChoice>,
    /// Whether every letter of the contract counts.
    pub strict: bool,
    /// Where the reports go.
    pub report: Option<PathBuf>,
    /// The command that repeats the run.
    pub repeat: String,
}

/// The service under test.
#[derive(Debug, Clone)]
pub enum Service {
    /// It runs already, in one instance or several.
    Running(Vec<Target>),
    /// The hammer starts this many instances of it, and may kill them.
    Private(Launch, usize),
}

impl Settings {
    /// The scenarios that were asked for and cannot be played in this run, each with the reason.
    #[must_use]
    pub fn impossible(&self) -> Vec<String> {
        let obstacles = self.scenarios.iter().filter_map(|one| {
            let why = self.obstacle(*one)?;
            Some(format!("{}: {why}", one.name()))
        });
        obstacles.collect()
    }

    /// The scenarios that are asked for and possible here.
    pub(crate) fn wanted(&self) -> Vec<Scenario> {
        let chosen = |one: &Scenario| {
            self.scenarios.is_empty() || self.scenarios.contains(one) || *one == Scenario::Contract
        };
        Scenario::ALL
            .into_iter()
            .filter(|one| chosen(one) && self.obstacle(*one).is_none())
            .collect()
    }

    fn obstacle(&self, scenario: Scenario) -> Option<&'static str> {
        let (instances, private) = match &self.service {
            Service::Running(targets) => (targets.len(), false),
            Service::Private(_, count) => (*count, true),
        };
        if scenario.needs_processes() && !private {
            Some("only on instances that the hammer starts, without --url")
        } else if scenario.needs_instances() && instances < 2 {
            Some("only on several instances")
        } else if !self.profile.plays(scenario) {
            Some("not with --quick")
        } else {
            None
        }
    }
}
