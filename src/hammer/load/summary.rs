//! The results of a measurement, and whether they are worth anything.

use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::settings::LoadSettings;
use super::tally::{Tally, per_second};
use super::threshold::{Metric, Threshold};
use crate::hammer::judge::Verdict;
use crate::hammer::wire::Target;

/// Above this share of its ceiling, the generator itself may have been the limit.
const SATURATION: f64 = 0.6;

/// The results of a measurement.
#[derive(Debug)]
pub struct LoadReport {
    settings: LoadSettings,
    targets: Vec<String>,
    /// Whether the certificates of the targets were not verified.
    insecure: bool,
    tally: Tally,
    /// Maximum requests per second of the generator.
    ceiling: f64,
}

/// A quantile in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
fn millis(seen: &Histogram<u64>, quantile: f64) -> f64 {
    seen.value_at_quantile(quantile) as f64 / 1000.0
}

impl LoadReport {
    pub(super) fn new(
        settings: &LoadSettings,
        targets: &[Target],
        tally: Tally,
        ceiling: f64,
    ) -> Self {
        Self {
            settings: settings.clone(),
            targets: targets.iter().map(|target| target.url.clone()).collect(),
            insecure: targets.iter().any(Target::is_insecure),
            tally,
            ceiling,
        }
    }

    fn errors(&self) -> u64 {
        self.tally.refused + self.tally.unanswered
    }

    fn rps(&self) -> f64 {
        per_second(self.tally.answered(), self.settings.duration)
    }

    fn is_saturated(&self) -> bool {
        self.rps() > SATURATION * self.ceiling
    }

    /// The latencies that thresholds compare: from the plan, if there is one.
    fn latency(&self) -> &Histogram<u64> {
        match self.settings.rate {
            Some(_) => &self.tally.from_plan,
            None => &self.tally.from_send,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of errors")]
    fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::P50 => millis(self.latency(), 0.5),
            Metric::P90 => millis(self.latency(), 0.9),
            Metric::P99 => millis(self.latency(), 0.99),
            Metric::P999 => millis(self.latency(), 0.999),
            Metric::Max => millis(self.latency(), 1.0),
            Metric::Rps => self.rps(),
            Metric::Errors => self.errors() as f64,
        }
    }

    /// The thresholds with the measured value, and whether it holds.
    fn checks(&self) -> impl Iterator<Item = (&Threshold, f64, bool)> {
        self.settings.thresholds.iter().map(|threshold| {
            let value = self.value(threshold.metric);
            (threshold, value, threshold.holds(value))
        })
    }

    /// Whether all thresholds hold. Unknown if nothing was answered, or if the generator may have
    /// been the limit.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.tally.answered() == 0 {
            Verdict::Unknown
        } else if self.checks().any(|(_, _, holds)| !holds) {
            Verdict::Violated
        } else if self.is_saturated() {
            Verdict::Unknown
        } else {
            Verdict::Held
        }
    }

    /// The report as text for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.describe(&mut text)
            .expect("writing to a String cannot fail");
        text
    }

    fn describe(&self, out: &mut String) -> std::fmt::Result {
        let (settings, tally) = (&self.settings, &self.tally);
        let rate = settings.rate.map_or("closed loop".to_owned(), |rate| {
            format!("planned rate {rate}/s")
        });
        writeln!(
            out,
            "{:.0} orders/s   {} connections, {rate}, {:.0} s after {:.0} s of warm-up",
            self.rps(),
            settings.connections,
            settings.duration.as_secs_f64(),
            settings.warmup.as_secs_f64()
        )?;
        writeln!(
            out,
            "{} created, {} replayed, {} refused, {} unanswered",
            tally.created, tally.replayed, tally.refused, tally.unanswered
        )?;
        let mut row = |name: &str, seen: &Histogram<u64>| {
            let [p50, p90, p99, p999, max] =
                [0.5, 0.9, 0.99, 0.999, 1.0].map(|at| millis(seen, at));
            writeln!(
                out,
                "{name:<26} p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2} ms"
            )
        };
        row("latency from sending", &tally.from_send)?;
        if settings.rate.is_some() {
            row("latency from planned time", &tally.from_plan)?;
            row("generator lag", &tally.lag)?;
        }
        let share = 100.0 * self.rps() / self.ceiling.max(1.0);
        let meaning = if self.is_saturated() {
            "the generator may have been the limit"
        } else {
            "the generator was not the limit"
        };
        writeln!(
            out,
            "generator ceiling {:.0}/s, {share:.0} % used: {meaning}",
            self.ceiling
        )?;
        if self.insecure {
            writeln!(
                out,
                "the certificate of the target was not verified (--insecure)"
            )?;
        }
        for (threshold, value, holds) in self.checks() {
            let word = if holds { "held" } else { "violated" };
            writeln!(out, "{word}: {threshold} ({value:.2})")?;
        }
        Ok(())
    }

    /// The report as `load.json`.
    #[must_use]
    pub fn json(&self) -> String {
        let percentiles = |seen: &Histogram<u64>| {
            json!({
                "p50": millis(seen, 0.5), "p90": millis(seen, 0.9), "p99": millis(seen, 0.99),
                "p999": millis(seen, 0.999), "max": millis(seen, 1.0),
            })
        };
        let planned = |seen| {
            self.settings
                .rate
                .map_or(Value::Null, |_| percentiles(seen))
        };
        let thresholds: Vec<Value> = self
            .checks()
            .map(|(threshold, value, holds)| {
                json!({"threshold": threshold.to_string(), "value": value, "holds": holds})
            })
            .collect();
        let value = json!({
            "version": 1,
            "verdict": self.verdict(),
            "targets": self.targets,
            "insecure": self.insecure,
            "connections": self.settings.connections,
            "rate": self.settings.rate,
            "replays_percent": self.settings.replays,
            "seconds": self.settings.duration.as_secs_f64(),
            "rps": self.rps(),
            "created": self.tally.created,
            "replayed": self.tally.replayed,
            "refused": self.tally.refused,
            "unanswered": self.tally.unanswered,
            "latency_ms": percentiles(&self.tally.from_send),
            "latency_from_plan_ms": planned(&self.tally.from_plan),
            "generator_lag_ms": planned(&self.tally.lag),
            "generator_ceiling_rps": self.ceiling,
            "thresholds": thresholds,
        });
        format!("{value:#}\n")
    }
}
