//! W3C Trace Context: continues the trace of a request, or begins one.
//!
//! <https://www.w3.org/TR/trace-context/>

use std::time::SystemTime;

use poem::http::{HeaderMap, HeaderName, HeaderValue};

use crate::telemetry::{Parent, Span};

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A trace, and our span in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    id: u128,
    /// The span of the client.
    parent: Option<u64>,
    span: u64,
    flags: u8,
}

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Given {
    id: u128,
    parent: u64,
    flags: u8,
}

impl Trace {
    /// The trace of the request if its header is valid, or else a new one, which is sampled if
    /// `samples` says so.
    pub(super) fn of(headers: &HeaderMap, samples: impl FnOnce(u128) -> bool) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let given = values.next().filter(|_| values.next().is_none());
        let given = given.and_then(|value| parse(value.to_str().ok()?));
        let (id, flags) = given.map_or_else(
            || {
                let id = fastrand::u128(1..);
                (id, u8::from(samples(id)))
            },
            |given| (given.id, given.flags),
        );
        Self {
            id,
            parent: given.map(|given| given.parent),
            span: fastrand::u64(1..),
            flags,
        }
    }

    /// Whether the spans of the trace are recorded.
    pub(super) fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Our span, with nothing but its place in the trace.
    pub(super) fn server_span(&self, began: SystemTime, ended: SystemTime) -> Span {
        let parent = self.parent.map(|id| Parent {
            id,
            is_remote: true,
        });
        Span {
            is_server: true,
            ..self.span(self.span, parent, began, ended)
        }
    }

    /// A part of our span.
    pub(super) fn part(&self, name: &'static str, began: SystemTime, ended: SystemTime) -> Span {
        let parent = Parent {
            id: self.span,
            is_remote: false,
        };
        Span {
            name: name.into(),
            ..self.span(fastrand::u64(1..), Some(parent), began, ended)
        }
    }

    fn span(&self, id: u64, parent: Option<Parent>, began: SystemTime, ended: SystemTime) -> Span {
        Span {
            trace: self.id,
            id,
            parent,
            name: "".into(),
            is_server: false,
            began,
            ended,
            attributes: Vec::new(),
            has_failed: false,
        }
    }

    /// The id of the trace, in hexadecimal.
    pub(super) fn id(&self) -> impl std::fmt::Display {
        let id = self.id;
        std::fmt::from_fn(move |f| write!(f, "{id:032x}"))
    }

    /// The header of the response.
    pub(super) fn header(&self) -> HeaderValue {
        let Self {
            id, span, flags, ..
        } = self;
        let value = format!("00-{id:032x}-{span:016x}-{flags:02x}");
        HeaderValue::try_from(value).expect("hexadecimal digits are a header value")
    }
}

/// The members of a header. Later versions may append some.
fn parse(value: &str) -> Option<Given> {
    let mut parts = value.split('-');
    let (version, trace_id, parent_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let known = [version, trace_id, parent_id, flags];
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let valid = known.map(str::len) == [2, 32, 16, 2]
        && known.iter().all(|part| part.bytes().all(is_hex))
        && version != "ff"
        && (version != "00" || parts.next().is_none());
    let given = Given {
        id: u128::from_str_radix(trace_id, 16).ok()?,
        parent: u64::from_str_radix(parent_id, 16).ok()?,
        // Only "sampled" has a meaning that we know.
        flags: u8::from_str_radix(flags, 16).ok()? & 1,
    };
    (valid && given.id != 0 && given.parent != 0).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::{Given, parse};

    #[test]
    fn only_valid_headers_continue_a_trace() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = "00f067aa0ba902b7";
        let given = |flags| {
            Some(Given {
                id: u128::from_str_radix(id, 16).unwrap(),
                parent: u64::from_str_radix(parent, 16).unwrap(),
                flags,
            })
        };
        for (value, parsed) in [
            (format!("00-{id}-{parent}-01"), given(1)),
            (format!("00-{id}-{parent}-00"), given(0)),
            (format!("cc-{id}-{parent}-03-more"), given(1)),
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
