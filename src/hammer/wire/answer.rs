//! Reading an answer out of the bytes that have arrived so far.

/// An answer as it came.
#[derive(Debug, Clone)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether another request may follow on the connection.
    pub(crate) keeps_alive: bool,
}

impl RawAnswer {
    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| one.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the header of that name has `word` in it.
    fn says(&self, name: &str, word: &str) -> bool {
        let value = self.header(name).map(str::to_ascii_lowercase);
        value.is_some_and(|value| value.contains(word))
    }
}

/// What the bytes amount to.
pub(super) enum Parsed {
    /// A whole answer, and how many bytes it took.
    Whole(RawAnswer, usize),
    /// Not all of it yet.
    Partial,
    /// Not HTTP/1.1.
    Nonsense(String),
}

/// Parses `bytes`; `ended` says that no more will come.
pub(super) fn parse(bytes: &[u8], ended: bool) -> Parsed {
    let mut storage = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut storage);
    let start = match head.parse(bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Err(error) => return Parsed::Nonsense(error.to_string()),
    };
    let status = head.code.unwrap_or(0);
    if (100..200).contains(&status) {
        // An interim answer: the real one follows.
        return match parse(&bytes[start..], ended) {
            Parsed::Whole(answer, length) => Parsed::Whole(answer, start + length),
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
    answer.keeps_alive &= !answer.says("connection", "close");
    match body(&mut answer, &bytes[start..], ended) {
        Ok(Some(taken)) => Parsed::Whole(answer, start + taken),
        Ok(None) => Parsed::Partial,
        Err(why) => Parsed::Nonsense(why),
    }
}

/// Puts the body into `answer` and says how many bytes it took, or nothing while some are missing.
fn body(answer: &mut RawAnswer, rest: &[u8], ended: bool) -> Result<Option<usize>, String> {
    let length = answer.header("content-length").map(str::parse::<usize>);
    let taken = if matches!(answer.status, 204 | 304) {
        Some(0)
    } else if answer.says("transfer-encoding", "chunked") {
        let whole = unchunk(rest)?;
        return Ok(whole.map(|(body, taken)| {
            answer.body = body;
            taken
        }));
    } else if let Some(length) = length {
        let length = length.map_err(|_| "a Content-Length that is no number".to_owned())?;
        (rest.len() >= length).then_some(length)
    } else {
        // Without a length the end of the connection is the end of the body.
        answer.keeps_alive = false;
        ended.then_some(rest.len())
    };
    if let Some(taken) = taken {
        answer.body = rest[..taken].to_vec();
    }
    Ok(taken)
}

/// The body of a chunked answer and the bytes it took, or nothing while chunks are missing.
fn unchunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((start, size))) => {
                let size = usize::try_from(size).map_err(|_| "an endless chunk".to_owned())?;
                let begin = at + start;
                let left = bytes.len() - begin;
                if left < 2 || left - 2 < size {
                    return Ok(None);
                }
                let end = begin + size;
                body.extend_from_slice(&bytes[begin..end]);
                // After the last chunk: an empty line, since nobody sends us trailers unasked.
                at = end + 2;
                if size == 0 {
                    return Ok(Some((body, at)));
                }
            }
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk without a size".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, ended: bool) -> Option<(RawAnswer, usize)> {
        match parse(text.as_bytes(), ended) {
            Parsed::Whole(answer, taken) => Some((answer, taken)),
            Parsed::Partial => None,
            Parsed::Nonsense(why) => panic!("{why}"),
        }
    }

    #[test]
    fn every_way_to_end_a_body_is_understood() {
        let length = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: /x\r\n\r\nok";
        let (answer, taken) = whole(length, false).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice(), taken),
            (201, &b"ok"[..], length.len())
        );
        assert_eq!(answer.header("LOCATION"), Some("/x"));
        assert!(answer.keeps_alive);

        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n";
        let (answer, taken) = whole(chunked, false).unwrap();
        assert_eq!(
            (answer.body.as_slice(), taken),
            (&b"ok!"[..], chunked.len())
        );

        let closed = "HTTP/1.1 200 OK\r\n\r\nok";
        assert!(whole(closed, false).is_none());
        assert_eq!(whole(closed, true).unwrap().0.body, b"ok");

        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(whole(interim, false).unwrap().0.status, 204);
    }

    #[test]
    fn a_length_that_is_a_lie_is_never_believed() {
        let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffe\r\nok";
        assert!(whole(endless, false).is_none());
        let wrong = b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok";
        assert!(matches!(parse(wrong, false), Parsed::Nonsense(_)));
    }

    #[test]
    fn no_prefix_of_an_answer_is_an_answer() {
        for text in [
            "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ] {
            for end in 0..text.len() {
                assert!(whole(&text[..end], false).is_none(), "{end} of {text:?}");
            }
        }
    }
}
