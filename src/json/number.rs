//! JSON numbers of any size, without rounding.

use std::fmt;

/// A decimal number: `digits` times ten to the power of `exponent`. Every value has one form, so
/// that `2`, `2.0` and `0.2e1` are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    negative: bool,
    /// Without leading or trailing zeros; empty for zero.
    digits: String,
    exponent: i64,
}

impl Number {
    /// Parses a number that follows the grammar of JSON (RFC 8259 §6). `None` if its exponent
    /// exceeds 64 bits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        let exponent = exponent.checked_add(zeros)?;
        Some(Self {
            negative,
            digits: significant.to_owned(),
            exponent,
        })
    }

    /// Converts to a 64-bit integer if the value is one.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = u32::try_from(self.exponent).ok()?;
        let magnitude = self
            .digits
            .parse::<i64>()
            .ok()?
            .checked_mul(10_i64.checked_pow(zeros)?)?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.digits.is_empty() {
            return f.write_str("0");
        }
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}{}e{}", self.digits, self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for spelling in [
            "2", "2.0", "2.000", "0.2e1", "20E-1", "2e0", "2e+0", "200e-2",
        ] {
            assert_eq!(number(spelling), number("2"), "{spelling}");
            assert_eq!(number(spelling).as_integer(), Some(2), "{spelling}");
        }
        for zero in ["0", "-0", "0.0", "0e99", "-0.00e-5"] {
            assert_eq!(number(zero), number("0"), "{zero}");
        }
    }

    #[test]
    fn big_numbers_do_not_pass_through_floating_point() {
        assert_ne!(number("9007199254740993"), number("9007199254740992"));
        assert_ne!(number("0.1000000000000000055"), number("0.1"));
        assert_ne!(number("1e400"), number("1e401"));
    }

    #[test]
    fn what_is_not_a_whole_number_of_64_bits_is_none() {
        for text in ["0.5", "1e-1", "9223372036854775808", "1e400", "-1.5"] {
            assert_eq!(number(text).as_integer(), None, "{text}");
        }
        assert_eq!(number("9223372036854775807").as_integer(), Some(i64::MAX));
        assert_eq!(Number::parse("1e99999999999999999999"), None);
    }

    proptest! {
        #[test]
        fn an_integer_is_itself(value in any::<i64>().prop_filter("no i64 has its magnitude", |v| *v != i64::MIN)) {
            prop_assert_eq!(number(&value.to_string()).as_integer(), Some(value));
            prop_assert_eq!(number(&format!("{value}.00")), number(&value.to_string()));
        }

        #[test]
        fn different_integers_differ(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(number(&a.to_string()) == number(&b.to_string()), a == b);
        }
    }
}
