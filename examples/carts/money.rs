//! Amounts of money: a `Decimal` in the program, whole cents in a table, a number in JSON.
//!
//! SQLite has no decimals, and SeaORM would read a `Decimal` there through floating point. A whole
//! number of cents is exact in both databases, and so is a sum of it in SQL.

use orders::json::Number;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Decimal places of an amount.
const PLACES: u32 = 2;

/// Reads an amount: 10, 10.0 and 10.00 are equal. `None` if it has more decimal places, or too many
/// digits for a `Decimal`.
pub(crate) fn read(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    // All but zero are written with an exponent.
    let amount = Decimal::from_scientific(&text).or_else(|_| Decimal::from_str_exact(&text));
    let amount = amount.ok()?;
    (amount.normalize().scale() <= PLACES).then_some(amount)
}

/// The amount as whole cents.
pub(crate) fn cents(amount: Decimal) -> i64 {
    let cents = amount * Decimal::ONE_HUNDRED;
    cents.to_i64().expect("an order is bounded")
}

/// The amount of so many cents.
pub(crate) fn from_cents(cents: i64) -> Decimal {
    Decimal::new(cents, PLACES)
}

/// Writes an amount as a JSON number with two decimal places.
pub(crate) fn as_number<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    let number = RawValue::from_string(format!("{amount:.2}"));
    number.map_err(serde::ser::Error::custom)?.serialize(to)
}
