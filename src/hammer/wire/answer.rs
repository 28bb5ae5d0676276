//! Parses an answer from the bytes received so far.

/// An answer as received.
#[derive(Debug, Clone)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether another request may follow on the connection.
    pub(crate) keeps_alive: bool,
}

impl RawAnswer {
    /// The first header with this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| one.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether a header with this name has another value.
    fn has_other(&self, name: &str, value: Option<&str>) -> bool {
        let mut named = self.headers.iter();
        named.any(|(one, other)| one.eq_ignore_ascii_case(name) && Some(other.as_str()) != value)
    }

    /// Whether the header with this name contains `word`.
    fn header_contains(&self, name: &str, word: &str) -> bool {
        let value = self.header(name).map(str::to_ascii_lowercase);
        value.is_some_and(|value| value.contains(word))
    }
}

/// The result of parsing.
pub(super) enum Parsed {
    /// A complete answer, and its length in bytes.
    Complete(RawAnswer, usize),
    /// The answer is not complete yet.
    Partial,
    /// Not HTTP/1.1, with the reason.
    Invalid(String),
}

/// Parses `bytes`; `ended` means that no more will follow.
pub(super) fn parse(bytes: &[u8], ended: bool) -> Parsed {
    let mut storage = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut storage);
    let start = match head.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(error) => return Parsed::Invalid(error.to_string()),
    };
    let status = head.code.unwrap_or(0);
    if (100..200).contains(&status) {
        // An interim answer; the final one follows.
        return match parse(&bytes[start..], ended) {
            Parsed::Complete(answer, length) => Parsed::Complete(answer, start + length),
            other => other,
        };
    }
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|line| {
            let value = String::from_utf8_lossy(line.value).into_owned();
            (line.name.to_owned(), value)
        })
        .collect();
    let mut answer = RawAnswer {
        status,
        keeps_alive: head.version == Some(1),
        headers,
        body: Vec::new(),
    };
    answer.keeps_alive &= !answer.header_contains("connection", "close");
    match body(&mut answer, &bytes[start..], ended) {
        Ok(Some(taken)) => Parsed::Complete(answer, start + taken),
        Ok(None) => Parsed::Partial,
        Err(why) => Parsed::Invalid(why),
    }
}

/// Puts the body into `answer`; returns its length on the wire, or `None` while it is incomplete.
fn body(answer: &mut RawAnswer, rest: &[u8], ended: bool) -> Result<Option<usize>, String> {
    let length = answer.header("content-length");
    if answer.has_other("content-length", length) {
        return Err("it has two values of Content-Length".to_owned());
    }
    let length = length.map(str::parse::<usize>);
    let taken = if matches!(answer.status, 204 | 304) {
        Some(0)
    } else if answer.header_contains("transfer-encoding", "chunked") {
        let whole = unchunk(rest)?;
        return Ok(whole.map(|(body, taken)| {
            answer.body = body;
            taken
        }));
    } else if let Some(length) = length {
        let length = length.map_err(|_| "the Content-Length is not a number".to_owned())?;
        (rest.len() >= length).then_some(length)
    } else {
        // Without a length, the body ends with the connection.
        answer.keeps_alive = false;
        ended.then_some(rest.len())
    };
    if let Some(taken) = taken {
        answer.body = rest[..taken].to_vec();
    }
    Ok(taken)
}

/// Decodes a chunked body; returns it with its length on the wire, or `None` while it is
/// incomplete.
fn unchunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((start, size))) => {
                let size =
                    usize::try_from(size).map_err(|_| "a chunk size is too large".to_owned())?;
                let begin = at + start;
                let left = bytes.len() - begin;
                if left < 2 || left - 2 < size {
                    return Ok(None);
                }
                let end = begin + size;
                body.extend_from_slice(&bytes[begin..end]);
                // The last chunk is followed by an empty line: no trailers were requested.
                at = end + 2;
                if size == 0 {
                    return Ok(Some((body, at)));
                }
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk size is invalid".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str, ended: bool) -> Option<(RawAnswer, usize)> {
        match parse(text.as_bytes(), ended) {
            Parsed::Complete(answer, taken) => Some((answer, taken)),
            Parsed::Partial => None,
            Parsed::Invalid(why) => panic!("{why}"),
        }
    }

    #[test]
    fn every_kind_of_body_length_is_parsed() {
        let length = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nok";
        let (answer, taken) = complete(length, false).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice(), taken),
            (201, &b"ok"[..], length.len())
        );
        assert_eq!(answer.header("LOCATION"), Some("/x"));
        assert!(answer.keeps_alive);

        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n";
        let (answer, taken) = complete(chunked, false).unwrap();
        assert_eq!(
            (answer.body.as_slice(), taken),
            (&b"ok!"[..], chunked.len())
        );

        let closed = "HTTP/1.1 200 OK\r\n\r\nok";
        assert!(complete(closed, false).is_none());
        assert_eq!(complete(closed, true).unwrap().0.body, b"ok");

        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(complete(interim, false).unwrap().0.status, 204);
    }

    #[test]
    fn wrong_lengths_are_not_trusted() {
        let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffe\r\nok";
        assert!(complete(endless, false).is_none());
        let wrong = b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok";
        assert!(matches!(parse(wrong, false), Parsed::Invalid(_)));
        let two = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!";
        assert!(matches!(parse(two, false), Parsed::Invalid(_)));
    }

    #[test]
    fn a_prefix_of_an_answer_is_incomplete() {
        for text in [
            "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ] {
            for end in 0..text.len() {
                assert!(complete(&text[..end], false).is_none(), "{end} of {text:?}");
            }
        }
    }
}
