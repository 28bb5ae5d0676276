//! Value parsers whose errors state the rule, not the position of a wrong character.

use std::str::FromStr;

pub(super) use super::duration::parse as duration;

/// A number of things, of a type that has no zero.
pub(super) fn at_least_one<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number of at least 1")
}

/// A number of bytes.
pub(super) fn bytes<T: FromStr>(text: &str) -> Result<T, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number of bytes, without a unit")
}

/// A port, or 0 for any free one.
pub(super) fn port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number from 0 to 65535")
}

/// A number of headers. hyper reads at most 100.
pub(super) fn headers(text: &str) -> Result<usize, &'static str> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=100).contains(number));
    number.ok_or("expected a whole number from 1 to 100")
}

/// A number that may be 0.
pub(super) fn whole_number(text: &str) -> Result<u32, &'static str> {
    text.parse()
        .map_err(|_| "expected a whole number of at least 0")
}

/// A share of a whole.
pub(super) fn ratio(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok();
    let number = number.filter(|number| (0.0..=1.0).contains(number));
    number.ok_or("expected a number from 0 to 1")
}
