//! `history.ndjson`: one event per line, appended as it happens.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::event::{Event, Header, VERSION};

/// Maximum length of a line that a reader accepts.
const MAX_LINE: u64 = 1 << 20;

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be opened.
    #[error("cannot open {path}")]
    Open {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file cannot be read completely.
    #[error("cannot read the history")]
    Io(#[from] io::Error),
    /// A line is not an event.
    #[error("line {line} of the history is not an event")]
    NotAnEvent {
        /// The number of the line, from 1.
        line: u64,
        /// The error of the parser.
        source: serde_json::Error,
    },
    /// The first line is not the header of a history.
    #[error("not a hammer history (expected `history.ndjson`, version {VERSION})")]
    NoHeader,
}

/// Appends events to a file.
#[derive(Debug)]
pub(crate) struct Writer(BufWriter<File>);

impl Writer {
    /// Creates the file, or truncates it.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(BufWriter::with_capacity(1 << 16, file)))
    }

    /// Appends one line.
    pub(crate) fn write(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, event)?;
        self.0.write_all(b"\n")
    }

    /// Hands all lines to the operating system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Reads events back, line by line.
pub(crate) struct Reader {
    lines: BufReader<File>,
    /// Number of the last line read, from 1.
    line: u64,
}

impl Reader {
    /// Opens the file and reads its first line.
    pub(crate) fn open(path: &Path) -> Result<(Header, Self), HistoryError> {
        let file = File::open(path).map_err(|source| HistoryError::Open {
            path: path.to_owned(),
            source,
        })?;
        let mut reader = Self {
            lines: BufReader::new(file),
            line: 0,
        };
        match reader.next() {
            Some(Ok(Event::Run(header))) if header.version == VERSION => Ok((header, reader)),
            Some(Err(error @ HistoryError::Io(_))) => Err(error),
            _ => Err(HistoryError::NoHeader),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Event, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = String::new();
        self.line += 1;
        let mut bounded = io::Read::take(&mut self.lines, MAX_LINE);
        match bounded.read_line(&mut text) {
            Ok(0) => None,
            // The process died while it wrote the last line; the lines before it stand.
            Ok(_) if !text.ends_with('\n') => None,
            Ok(_) => Some(
                serde_json::from_str(&text).map_err(|source| HistoryError::NotAnEvent {
                    line: self.line,
                    source,
                }),
            ),
            Err(error) => Some(Err(error.into())),
        }
    }
}
