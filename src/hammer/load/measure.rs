//! One measurement: all connections at once, their results merged.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::settings::LoadSettings;
use super::tally::Tally;
use super::worker::{Plan, Worker};
use crate::hammer::contract::Contract;
use crate::hammer::wire::Target;

/// Sends to `targets` on all connections until the measured period is over.
pub(super) async fn measure(settings: &LoadSettings, targets: &[Target]) -> Tally {
    let begin = Instant::now() + Duration::from_millis(50);
    let plan = Arc::new(Plan {
        begin,
        measured_from: begin + settings.warmup,
        end: begin + settings.warmup + settings.duration,
        rate: settings.rate,
        ticket: AtomicU64::new(0),
    });
    let contract = settings.contract.as_ref().unwrap_or(Contract::of_orders());
    let contract = Arc::new(contract.clone());
    let run = uuid::Uuid::new_v4().as_fields().0;
    let workers = (0..settings.connections).map(|number| {
        let target = &targets[number % targets.len()];
        let worker = Worker::new(&contract, target, &settings.headers, settings.replays)
            .named(format!("load-{run:08x}-{number}"));
        tokio::spawn(worker.run(Arc::clone(&plan)))
    });
    let mut total = Tally::default();
    for tally in join_all(workers).await.into_iter().flatten() {
        total.add(&tally);
    }
    total
}
