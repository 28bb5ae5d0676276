//! The figures, with what they are worth.

use std::fmt::Write;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::settings::LoadSettings;
use super::tally::{Tally, per_second};
use super::threshold::Threshold;
use crate::hammer::judge::Verdict;
use crate::hammer::wire::Target;

/// Above this share of its ceiling the generator may be what is measured.
const SHARE: f64 = 0.6;

/// What was measured.
#[derive(Debug)]
pub struct LoadReport {
    settings: LoadSettings,
    targets: Vec<String>,
    tally: Tally,
    /// Requests a second that the generator can do at most.
    ceiling: f64,
}

/// A percentile in milliseconds.
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
            tally,
            ceiling,
        }
    }

    fn errors(&self) -> u64 {
        self.tally.refused + self.tally.broken
    }

    fn rps(&self) -> f64 {
        per_second(self.tally.answered(), self.settings.duration)
    }

    fn is_saturated(&self) -> bool {
        self.rps() > SHARE * self.ceiling
    }

    /// The histogram that thresholds are about: with a plan, the one that starts from it.
    fn latency(&self) -> &Histogram<u64> {
        match self.settings.rate {
            Some(_) => &self.tally.corrected,
            None => &self.tally.raw,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count of errors")]
    fn figure(&self, name: &str) -> f64 {
        match name {
            "p50" => millis(self.latency(), 0.5),
            "p90" => millis(self.latency(), 0.9),
            "p99" => millis(self.latency(), 0.99),
            "p999" => millis(self.latency(), 0.999),
            "max" => millis(self.latency(), 1.0),
            "rps" => self.rps(),
            _ => self.errors() as f64,
        }
    }

    fn checks(&self) -> impl Iterator<Item = (&Threshold, f64, bool)> {
        self.settings.thresholds.iter().map(|threshold| {
            let value = self.figure(&threshold.figure);
            (threshold, value, threshold.holds(value))
        })
    }

    /// Whether the thresholds hold; unknown where nothing was answered, or where the generator
    /// may have been the limit.
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

    /// For the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.describe(&mut text).expect("a String takes everything");
        text
    }

    fn describe(&self, out: &mut String) -> std::fmt::Result {
        let (settings, tally) = (&self.settings, &self.tally);
        let profile = settings
            .rate
            .map_or("as fast as answers come".to_owned(), |rate| {
                format!("{rate}/s by plan")
            });
        writeln!(
            out,
            "{:.0} orders a second   {} connections, {profile}, {:.0} s after {:.0} s of warm-up",
            self.rps(),
            settings.connections,
            settings.duration.as_secs_f64(),
            settings.warmup.as_secs_f64()
        )?;
        writeln!(
            out,
            "{} created, {} replayed, {} refused, {} without an answer",
            tally.created, tally.replayed, tally.refused, tally.broken
        )?;
        let mut row = |name: &str, seen: &Histogram<u64>| {
            let [p50, p90, p99, p999, max] =
                [0.5, 0.9, 0.99, 0.999, 1.0].map(|at| millis(seen, at));
            writeln!(
                out,
                "{name:<22} p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {p999:.2}  max {max:.2} ms"
            )
        };
        row("from the sending", &tally.raw)?;
        if settings.rate.is_some() {
            row("from the plan", &tally.corrected)?;
            row("the generator was late", &tally.lag)?;
        }
        let share = 100.0 * self.rps() / self.ceiling.max(1.0);
        let worth = if self.is_saturated() {
            "the generator may be what was measured"
        } else {
            "the generator was not the limit"
        };
        writeln!(
            out,
            "generator ceiling {:.0}/s, of which this is {share:.0} %: {worth}",
            self.ceiling
        )?;
        for (threshold, value, holds) in self.checks() {
            let word = if holds { "held" } else { "violated" };
            writeln!(out, "{word}: {threshold} ({value:.2})")?;
        }
        Ok(())
    }

    /// `load.json`.
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
        let value = json!({
            "version": 1,
            "verdict": self.verdict(),
            "targets": self.targets,
            "connections": self.settings.connections,
            "rate": self.settings.rate,
            "replays_percent": self.settings.replays,
            "seconds": self.settings.duration.as_secs_f64(),
            "rps": self.rps(),
            "created": self.tally.created,
            "replayed": self.tally.replayed,
            "refused": self.tally.refused,
            "unanswered": self.tally.broken,
            "latency_ms": percentiles(&self.tally.raw),
            "latency_from_plan_ms": planned(&self.tally.corrected),
            "generator_lag_ms": planned(&self.tally.lag),
            "generator_ceiling_rps": self.ceiling,
            "thresholds": self.checks().map(|(threshold, value, holds)| json!({
                "threshold": threshold.to_string(), "value": value, "holds": holds,
            })).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }
}
