//! Errors as one line of text, with their causes.

use std::error::Error;
use std::fmt;

/// Displays an error and its causes, each once, in one line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = text(self.0);
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = text(cause);
            // Some errors repeat their source in their own text.
            if !line.ends_with(&text) {
                line = format!("{line}: {text}");
            }
            source = cause.source();
        }
        f.write_str(&line)
    }
}

/// The text of one error, without line breaks. The driver appends the line of PostgreSQL's source
/// code in which an error was raised: ` at line 3211`.
fn text(error: &dyn Error) -> String {
    let text = error.to_string().replace('\n', " ");
    match text.rsplit_once(" at line ") {
        Some((message, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
            message.to_owned()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    fn chain(texts: &[&'static str]) -> Option<Box<Link>> {
        let (text, rest) = texts.split_first()?;
        let source = chain(rest);
        Some(Box::new(Link { text, source }))
    }

    #[test]
    fn every_cause_is_shown_once_in_one_line() {
        for (texts, shown) in [
            (&["a"][..], "a"),
            (&["a", "b"], "a: b"),
            (&["a: b", "b"], "a: b"),
            (&["a: b\nc at line 12", "b\nc at line 12", "d"], "a: b c: d"),
            (&["at line 1 column 2"], "at line 1 column 2"),
        ] {
            let error = chain(texts).unwrap();
            assert_eq!(Chain(error.as_ref()).to_string(), shown);
        }
    }
}
