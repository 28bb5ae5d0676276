//! Settings of a load measurement, resolved from the command line.

use std::time::Duration;

use super::threshold::Threshold;
use crate::hammer::contract::Contract;
use crate::hammer::settings::Service;

/// Everything a load measurement needs to know.
#[derive(Debug, Clone)]
pub struct LoadSettings {
    /// The service to measure.
    pub service: Service,
    /// What the service promises, if not the contract of `orders`.
    pub contract: Option<Contract>,
    /// Headers of every request, besides those of the contract.
    pub headers: Vec<(String, String)>,
    /// Number of connections, each with one request at a time.
    pub connections: usize,
    /// Planned requests per second. Without it, each connection sends as soon as it is answered.
    pub rate: Option<f64>,
    /// Percentage of requests that repeat the previous key.
    pub replays: u8,
    /// Warm-up period, excluded from the results.
    pub warmup: Duration,
    /// Measured period.
    pub duration: Duration,
    /// Conditions that the results must meet.
    pub thresholds: Vec<Threshold>,
}
