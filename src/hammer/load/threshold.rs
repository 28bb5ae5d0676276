//! `--assert`: what must be true of the figures.

use std::fmt;
use std::str::FromStr;

/// A condition such as `p99<50ms`, `rps>500` or `errors==0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// What is compared; times are in milliseconds.
    pub(super) figure: String,
    relation: Relation,
    limit: f64,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtMost,
    AtLeast,
    Below,
    Above,
    Equal,
}

/// The figures that can be compared.
pub(super) const FIGURES: [&str; 7] = ["p50", "p90", "p99", "p999", "max", "rps", "errors"];

impl Threshold {
    /// Whether it is true of `value`.
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
        let Some(((figure, limit), relation)) = parts else {
            return Err(format!("`{text}` compares nothing; p99<50ms does"));
        };
        let figure = figure.trim().to_owned();
        if !FIGURES.contains(&figure.as_str()) {
            return Err(format!(
                "`{figure}` is no figure; {} are",
                FIGURES.join(", ")
            ));
        }
        let limit = limit.trim();
        let (number, factor) = match (limit.strip_suffix("ms"), limit.strip_suffix('s')) {
            (Some(number), _) => (number, 1.0),
            (None, Some(number)) => (number, 1000.0),
            (None, None) => (limit, 1.0),
        };
        let number: f64 = number
            .trim()
            .parse()
            .map_err(|_| format!("`{limit}` is no limit"))?;
        Ok(Self {
            figure,
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
    fn conditions_are_read_as_they_are_written() {
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
