//! Throughput and latency, which is another question than the promise.
//!
//! Owns one measuring loop, closed or from a plan, and what the generator itself can do at most:
//! a figure that is near that ceiling says nothing about the target. Judges no answer beyond its
//! status; whoever wants to know whether the orders are right runs the scenarios.

mod ceiling;
mod summary;
mod threshold;
mod worker;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

pub use summary::LoadReport;
pub use threshold::Threshold;

use super::fault::Instances;
use super::run::RunError;
use super::settings::Service;
use super::wire::Target;
use worker::{Plan, Tally, Worker};

/// How to measure.
#[derive(Debug, Clone)]
pub struct LoadSettings {
    /// Whom to load.
    pub service: Service,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// Connections, each with one request at a time.
    pub connections: usize,
    /// Requests a second by plan; without it each connection sends as soon as it is answered.
    pub rate: Option<f64>,
    /// How many of a hundred requests repeat the key before them.
    pub replays: u8,
    /// Left out of all figures.
    pub warmup: Duration,
    /// Measured.
    pub duration: Duration,
    /// What must be true of the figures.
    pub thresholds: Vec<Threshold>,
}

/// How long the ceiling is measured.
const CEILING: Duration = Duration::from_secs(2);

/// Measures the generator's ceiling, then the service.
pub async fn load(settings: &LoadSettings) -> Result<LoadReport, RunError> {
    let ceiling = ceiling::measure(settings.connections, CEILING).await;
    // The instances live until the measurement is over.
    let (targets, instances) = match &settings.service {
        Service::Running(targets) => (targets.clone(), None),
        Service::Private(launch, count) => {
            let instances = Instances::start(launch.clone(), *count).await?;
            (instances.targets(), Some(instances))
        }
    };
    let tally = measure(settings, &targets).await;
    drop(instances);
    Ok(LoadReport::new(settings, &targets, tally, ceiling))
}

/// All connections at once, their tallies merged.
async fn measure(settings: &LoadSettings, targets: &[Target]) -> Tally {
    let begin = Instant::now() + Duration::from_millis(50);
    let plan = Arc::new(Plan {
        begin,
        measured_from: begin + settings.warmup,
        end: begin + settings.warmup + settings.duration,
        rate: settings.rate,
        ticket: AtomicU64::new(0),
    });
    let run = uuid::Uuid::new_v4().as_fields().0;
    let workers = (0..settings.connections).map(|number| {
        let target = &targets[number % targets.len()];
        let worker = Worker::new(target, &settings.headers, settings.replays, run, number);
        tokio::spawn(worker.run(Arc::clone(&plan)))
    });
    let mut whole = Tally::default();
    for tally in join_all(workers).await.into_iter().flatten() {
        whole.add(&tally);
    }
    whole
}
