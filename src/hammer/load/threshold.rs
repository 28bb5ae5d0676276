//! `--assert`: conditions that the results must meet.

use std::fmt;
use std::str::FromStr;

/// A condition such as `p99<50ms`, `rps>500` or `errors==0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// What is compared.
    pub(super) metric: Metric,
    relation: Relation,
    /// In milliseconds for latencies.
    limit: f64,
    /// The condition as given.
    text: String,
}

/// A result that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    P50,
    P90,
    P99,
    P999,
    Max,
    Rps,
    Errors,
}

impl Metric {
    const ALL: [Self; 7] = [
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::Rps,
        Self::Errors,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
            Self::Rps => "rps",
            Self::Errors => "errors",
        }
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|metric| metric.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("unknown metric `{name}`, expected one of {names}")
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtMost,
    AtLeast,
    Below,
    Above,
    Equal,
}

impl Threshold {
    /// Whether `value` meets the condition.
    pub(super) fn holds(&self, value: f64) -> bool {
        match self.relation {
            Relation::AtMost => value <= self.limit,
            Relation::AtLeast => value >= self.limit,
            Relation::Below => value < self.limit,
            Relation::Above => value > self.limit,
            Relation::Equal => (value - self.limit).abs() < f64::EPSILON,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Longer operators first: `<` is a prefix of `<=`.
        let relations = [
            ("<=", Relation::AtMost),
            (">=", Relation::AtLeast),
            ("==", Relation::Equal),
            ("<", Relation::Below),
            (">", Relation::Above),
        ];
        let parts = relations
            .iter()
            .find_map(|(sign, relation)| Some((text.split_once(sign)?, *relation)));
        let Some(((metric, limit), relation)) = parts else {
            return Err(format!(
                "no comparison in `{text}`, expected a condition such as p99<50ms"
            ));
        };
        let metric = metric.trim().parse()?;
        let limit = limit.trim();
        let (number, factor) = match (limit.strip_suffix("ms"), limit.strip_suffix('s')) {
            (Some(number), _) => (number, 1.0),
            (None, Some(number)) => (number, 1000.0),
            (None, None) => (limit, 1.0),
        };
        let number: f64 = number.trim().parse().map_err(|_| {
            format!("invalid limit `{limit}`, expected a number, or a time in ms or s")
        })?;
        Ok(Self {
            metric,
            relation,
            limit: number * factor,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_metrics_with_limits() {
        let holds = |text: &str, value| text.parse::<Threshold>().unwrap().holds(value);
        assert!(holds("p99<50ms", 49.9) && !holds("p99<50ms", 50.0));
        assert!(holds("p50<=1s", 1000.0) && !holds("p50<=1s", 1000.1));
        assert!(holds("rps > 500", 501.0) && !holds("rps>=500", 499.0));
        assert!(holds("errors==0", 0.0) && !holds("errors==0", 1.0));
        for nonsense in ["p99", "p98<5", "p99<soon", ""] {
            assert!(nonsense.parse::<Threshold>().is_err(), "{nonsense}");
        }
    }
}
