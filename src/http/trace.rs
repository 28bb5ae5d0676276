//! W3C Trace Context: continues the trace of a request, or begins one.
//!
//! <https://www.w3.org/TR/trace-context/>

use poem::http::{HeaderMap, HeaderName, HeaderValue};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A trace, and our span in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    id: u128,
    span: u64,
    flags: u8,
}

impl Trace {
    /// The trace of the request if its header is valid, or else a new one, which is not sampled.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let given = values.next().filter(|_| values.next().is_none());
        let given = given.and_then(|value| parse(value.to_str().ok()?));
        let (id, flags) = given.unwrap_or_else(|| (fastrand::u128(1..), 0));
        Self {
            id,
            span: fastrand::u64(1..),
            flags,
        }
    }

    /// The id of the trace, in hexadecimal.
    pub(super) fn id(&self) -> impl std::fmt::Display {
        let id = self.id;
        std::fmt::from_fn(move |f| write!(f, "{id:032x}"))
    }

    /// The header of the response.
    pub(super) fn header(&self) -> HeaderValue {
        let Self { id, span, flags } = self;
        let value = format!("00-{id:032x}-{span:016x}-{flags:02x}");
        HeaderValue::try_from(value).expect("hexadecimal digits are a header value")
    }
}

/// Trace id and flags of a header. Later versions may append members.
fn parse(value: &str) -> Option<(u128, u8)> {
    let mut parts = value.split('-');
    let (version, trace_id, parent_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = [version, trace_id, parent_id, flags];
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let valid = known.map(str::len) == [2, 32, 16, 2]
        && known.iter().all(|part| part.bytes().all(is_hex))
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && parent_id.bytes().any(|byte| byte != b'0');
    let trace_id = u128::from_str_radix(trace_id, 16).ok()?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    // Of the flags only "sampled" has a meaning that we know.
    (valid && trace_id != 0).then_some((trace_id, flags & 1))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_valid_headers_continue_a_trace() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = "00f067aa0ba902b7";
        let expected = u128::from_str_radix(id, 16).unwrap();
        for (value, parsed) in [
            (format!("00-{id}-{parent}-01"), Some((expected, 1))),
            (format!("00-{id}-{parent}-00"), Some((expected, 0))),
            (format!("cc-{id}-{parent}-03-more"), Some((expected, 1))),
            (format!("00-{id}-{parent}-01-more"), None),
            (format!("ff-{id}-{parent}-01"), None),
            (format!("00-{}-{parent}-01", id.to_uppercase()), None),
            (format!("00-{}-{parent}-01", "0".repeat(32)), None),
            (format!("00-{id}-{}-01", "0".repeat(16)), None),
            (format!("00-{id}-{parent}"), None),
            (format!("00-{id}-{parent}-1"), None),
            (String::new(), None),
            ("00-é".to_owned(), None),
        ] {
            assert_eq!(parse(&value), parsed, "{value}");
        }
    }
}
