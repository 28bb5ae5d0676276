//! An oracle for JSON: values that are made from the bytes of a fuzzer, compared member by member,
//! and written in any spelling that JSON allows. It shares no code with the product.

use std::collections::BTreeMap;

/// The bytes of a fuzzer, followed by zeros without end.
#[derive(Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl Bytes<'_> {
    /// Takes the next byte.
    pub fn take(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Takes a number below a bound.
    fn below(&mut self, bound: u8) -> u8 {
        self.take() % bound
    }
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Decimal),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object.
    Object(BTreeMap<String, Value>),
}

/// `mantissa` × 10^`exponent`, with an exponent from -9 to 9.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    mantissa: i64,
    exponent: i8,
}

impl Decimal {
    /// The number in units of 10^-9.
    fn scaled(self) -> i128 {
        let zeros = u32::try_from(self.exponent + 9).expect("an exponent from -9 to 9");
        i128::from(self.mantissa) * 10_i128.pow(zeros)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.scaled() == other.scaled()
    }
}

impl Value {
    /// Makes a value from bytes.
    pub fn read(bytes: &mut Bytes<'_>, depth: u8) -> Self {
        match bytes.below(if depth < 4 { 7 } else { 5 }) {
            0 => Self::Null,
            1 => Self::Bool(bytes.below(2) == 1),
            2 => Self::Number(Decimal {
                mantissa: i64::from(bytes.take()) - 128,
                exponent: i8::try_from(bytes.below(19)).expect("less than 19") - 9,
            }),
            3 => Self::Number(Decimal {
                mantissa: i64::from_le_bytes(std::array::from_fn(|_| bytes.take())),
                exponent: 0,
            }),
            4 => Self::String(read_text(bytes)),
            5 => {
                let count = bytes.below(4);
                Self::Array((0..count).map(|_| Self::read(bytes, depth + 1)).collect())
            }
            _ => {
                let count = bytes.below(4);
                let member =
                    |bytes: &mut Bytes<'_>| (read_text(bytes), Self::read(bytes, depth + 1));
                Self::Object((0..count).map(|_| member(bytes)).collect())
            }
        }
    }

    /// Writes the value in the spelling that `style` selects.
    pub fn spell(&self, style: &mut Bytes<'_>, out: &mut String) {
        space(style, out);
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => spell_number(*number, style, out),
            Self::String(text) => spell_text(text, style, out),
            Self::Array(items) => {
                let write = |item: &Self, style: &mut Bytes<'_>, out: &mut String| {
                    item.spell(style, out);
                };
                list(items.iter(), ('[', ']'), style, out, write);
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                let by = usize::from(style.take());
                if !members.is_empty() {
                    let middle = by % members.len();
                    members.rotate_left(middle);
                }
                list(
                    members.into_iter(),
                    ('{', '}'),
                    style,
                    out,
                    |(name, value), style, out| {
                        spell_text(name, style, out);
                        space(style, out);
                        out.push(':');
                        value.spell(style, out);
                    },
                );
            }
        }
        space(style, out);
    }
}

fn list<T>(
    items: impl Iterator<Item = T>,
    (open, close): (char, char),
    style: &mut Bytes<'_>,
    out: &mut String,
    mut write: impl FnMut(T, &mut Bytes<'_>, &mut String),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        space(style, out);
        write(item, style, out);
    }
    space(style, out);
    out.push(close);
}

fn read_text(bytes: &mut Bytes<'_>) -> String {
    let count = bytes.below(5);
    let character = |bytes: &mut Bytes<'_>| match bytes.below(4) {
        0 | 1 => char::from(bytes.below(128)),
        2 => char::from(bytes.take()),
        _ => {
            let code = u32::from_le_bytes([bytes.take(), bytes.take(), bytes.below(17), 0]);
            char::from_u32(code).unwrap_or('\u{fffd}')
        }
    };
    (0..count).map(|_| character(bytes)).collect()
}

fn space(style: &mut Bytes<'_>, out: &mut String) {
    out.push_str(["", "", " ", "\t", "\n", "\r\n "][usize::from(style.below(6))]);
}

fn spell_text(text: &str, style: &mut Bytes<'_>, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let short = match character {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '/' => Some("\\/"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            _ => None,
        };
        let needs_escape = character < ' ' || matches!(character, '"' | '\\');
        match (style.below(3), short) {
            (0, _) if !needs_escape => out.push(character),
            (1, Some(short)) => out.push_str(short),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format_args!("\\u{unit:04x}").to_string());
                }
            }
        }
    }
    out.push('"');
}

fn spell_number(number: Decimal, style: &mut Bytes<'_>, out: &mut String) {
    let Decimal { mantissa, exponent } = number;
    let zeros = style.below(4);
    let text = match style.below(4) {
        0 if exponent == 0 => mantissa.to_string(),
        1 => {
            let power = exponent + i8::try_from(zeros).expect("less than 4");
            // Each step of the exponent moves a digit behind the point.
            let sign = if mantissa < 0 { "-" } else { "" };
            let width = usize::from(zeros) + 1;
            let digits = format!("{:0>width$}", mantissa.unsigned_abs());
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(zeros));
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{sign}{whole}{point}{fraction}E{power:+}")
        }
        2 => {
            let fraction = "0".repeat(usize::from(zeros) + 1);
            format!("{mantissa}.{fraction}e{exponent}")
        }
        _ => format!("{mantissa}e{exponent}"),
    };
    out.push_str(&text);
}
