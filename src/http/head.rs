//! Finds the end of the head of a request in what is read from a connection.

/// How much of a head has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    /// No byte of it.
    Waiting,
    /// A part of it.
    Partial {
        /// Whether the current line has no byte yet, so that another line end is the end.
        line_is_empty: bool,
    },
    /// All of it.
    Complete,
    /// The connection is closed after this response, while the rest of a body still arrives.
    Last,
}

impl Head {
    /// Reads on. Bytes after the end belong to the body.
    pub(super) fn receive(&mut self, read: &[u8]) {
        let is_blank = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let (mut rest, mut line_is_empty) = match *self {
            Self::Waiting => {
                // A client may end its former body with line ends that do not count.
                let blank = read.iter().take_while(|byte| is_blank(byte)).count();
                (&read[blank..], false)
            }
            Self::Partial { line_is_empty } => (read, line_is_empty),
            Self::Complete | Self::Last => return,
        };
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = &rest[..end.unwrap_or(rest.len())];
            let has_text = !line.iter().all(is_blank);
            match end {
                Some(_) if line_is_empty && !has_text => {
                    *self = Self::Complete;
                    return;
                }
                Some(end) => {
                    line_is_empty = true;
                    rest = &rest[end + 1..];
                }
                None => {
                    line_is_empty &= !has_text;
                    rest = &[];
                }
            }
            *self = Self::Partial { line_is_empty };
        }
    }

    /// After a part of a response, of which these are the first bytes, the next head may begin.
    pub(super) fn respond(&mut self, written: &[u8]) {
        let is_last = || {
            let mut lines = written.split(|byte| *byte == b'\n');
            lines.any(|line| line.trim_ascii().eq_ignore_ascii_case(b"connection: close"))
        };
        if *self == Self::Last || written.starts_with(b"HTTP/1.1 100 ") {
            return;
        }
        // Only an error can be answered before the end of the body.
        *self = if written.starts_with(b"HTTP/1.1 4") && is_last() {
            Self::Last
        } else {
            Self::Waiting
        };
    }

    /// Whether the rest of the head is awaited.
    pub(super) fn is_partial(self) -> bool {
        matches!(self, Self::Partial { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

    /// The state after these pieces.
    fn after(pieces: &[&[u8]]) -> Head {
        let mut head = Head::Waiting;
        for piece in pieces {
            head.receive(piece);
        }
        head
    }

    #[test]
    fn the_end_is_found_wherever_the_head_is_cut() {
        for text in [HEAD, "\r\nGET / HTTP/1.1\nHost: test\n\n"] {
            let bytes = text.as_bytes();
            assert_eq!(after(&[bytes]), Head::Complete);
            for cut in 0..bytes.len() {
                let (first, rest) = bytes.split_at(cut);
                assert_ne!(after(&[first]), Head::Complete, "{cut}");
                assert_eq!(after(&[first, rest]), Head::Complete, "{cut}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(after(&single), Head::Complete);
        }
    }

    #[test]
    fn a_body_is_not_searched() {
        assert_eq!(after(&[HEAD.as_bytes(), b"{}", b"x\n\n"]), Head::Complete);
    }

    #[test]
    fn only_a_head_that_began_is_awaited() {
        assert!(!after(&[]).is_partial());
        assert!(!after(&[b"\r\n"]).is_partial());
        assert!(after(&[b"G"]).is_partial());
        assert!(after(&[b"GET / HTTP/1.1\r\n"]).is_partial());
    }

    #[test]
    fn the_next_head_begins_after_a_response() {
        let after = |written: &[u8]| {
            let mut head = Head::Complete;
            head.respond(written);
            head
        };
        assert_eq!(after(b"HTTP/1.1 201 Created\r\n\r\n{}"), Head::Waiting);
        assert_eq!(after(b"HTTP/1.1 100 Continue\r\n\r\n"), Head::Complete);
        let last = b"HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\n\r\n{}";
        assert_eq!(after(last), Head::Last);
    }
}
