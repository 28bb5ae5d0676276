//! Load mode: throughput and latency, not the promise.
//!
//! Owns one measuring loop, closed or at a planned rate, and the generator's own ceiling: a
//! result near that ceiling says nothing about the target. Checks no answer beyond its status;
//! whether the orders are right is what the scenarios judge.

mod ceiling;
mod measure;
mod settings;
mod summary;
mod tally;
mod threshold;
mod worker;

pub use settings::LoadSettings;
pub use summary::LoadReport;
pub use threshold::Threshold;

use std::time::Duration;

use super::error::RunError;

/// How long the generator's ceiling is measured.
const CEILING_DURATION: Duration = Duration::from_secs(2);

/// How long the service may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Measures the generator's ceiling, then the service.
pub async fn load(settings: &LoadSettings) -> Result<LoadReport, RunError> {
    // The instances live until the measurement is over.
    let (targets, instances) = settings.service.start(CONNECT_TIMEOUT).await?;
    let is_encrypted = targets.iter().any(|target| target.tls.is_some());
    let ceiling = ceiling::measure(settings.connections, CEILING_DURATION, is_encrypted).await;
    let tally = measure::measure(settings, &targets).await;
    drop(instances);
    Ok(LoadReport::new(settings, &targets, tally, ceiling))
}
