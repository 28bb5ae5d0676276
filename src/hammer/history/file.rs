//! One file of a history: one event per line, appended as it happens.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::archive;
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
    /// A file in the folder is of another run.
    #[error("{path} belongs to another run: check it alone")]
    OtherRun {
        /// The path of the file.
        path: PathBuf,
    },
    /// The first line is not the header of a history.
    #[error("not a hammer history (expected `history.ndjson`, version {VERSION})")]
    NoHeader,
}

/// Appends events to a file.
#[derive(Debug)]
pub(super) enum Writer {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Writer {
    /// Creates the file, or truncates it. It is compressed if its name ends with `.gz`.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        Ok(if path.extension().is_some_and(|end| end == "gz") {
            Self::Gzip(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            Self::Plain(file)
        })
    }

    /// Appends one line.
    pub(super) fn write(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::Plain(file) => write_line(file, event),
            Self::Gzip(encoder) => write_line(encoder, event),
        }
    }

    /// Hands all lines to the operating system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }

    /// Ends the file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(encoder) => encoder.finish()?.flush(),
        }
    }
}

fn write_line(out: &mut impl Write, event: &Event) -> io::Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    out.write_all(b"\n")
}

/// Reads events back, line by line, from all files of a history.
pub(crate) struct Reader {
    lines: Box<dyn BufRead>,
    /// Number of the last line read, from 1.
    line: u64,
    /// The files after the current one.
    later: VecDeque<PathBuf>,
    /// The name of the run, which all files share.
    run: String,
    /// How many cycles ended in the files so far, and how many are in no file.
    cycles: u32,
    missing_cycles: u32,
}

impl Reader {
    /// Opens a history and reads its first line.
    ///
    /// `path` names its file or its folder. If a soak has left several files, the name that a
    /// single file would have stands for all of them.
    pub(crate) fn open(path: &Path) -> Result<(Header, Self), HistoryError> {
        let folder = match path.parent() {
            _ if path.is_dir() => Some(path),
            Some(folder) if !path.exists() && path.ends_with("history.ndjson") => Some(folder),
            _ => None,
        };
        let mut files = VecDeque::from(folder.map(archive::files).unwrap_or_default());
        let first = files.pop_front().unwrap_or_else(|| path.to_owned());
        let (header, lines) = open(&first)?;
        let reader = Self {
            lines,
            line: 1,
            later: files,
            run: header.run.clone(),
            cycles: header.first_cycle,
            missing_cycles: header.first_cycle,
        };
        Ok((header, reader))
    }

    /// How many cycles were judged during the run and are in none of the files read so far.
    pub(crate) fn missing_cycles(&self) -> u32 {
        self.missing_cycles
    }

    /// Goes on with the next file; returns whether there is one.
    fn next_file(&mut self) -> Result<bool, HistoryError> {
        let Some(path) = self.later.pop_front() else {
            return Ok(false);
        };
        let (header, lines) = open(&path)?;
        if header.run != self.run {
            return Err(HistoryError::OtherRun { path });
        }
        self.missing_cycles += header.first_cycle.saturating_sub(self.cycles);
        self.cycles = header.first_cycle;
        (self.lines, self.line) = (lines, 1);
        Ok(true)
    }
}

/// Opens one file and reads its first line.
fn open(path: &Path) -> Result<(Header, Box<dyn BufRead>), HistoryError> {
    let failed = |source| HistoryError::Open {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let is_gzip = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
    let mut lines: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    match next_line(&mut lines).map(|line| line.map(|text| serde_json::from_str(&text))) {
        Ok(Some(Ok(Event::Run(header)))) if header.version == VERSION => Ok((header, lines)),
        Err(error) if !is_gzip => Err(error.into()),
        _ => Err(HistoryError::NoHeader),
    }
}

/// Reads a line. The process may have died while it wrote the last one; the lines before stand.
fn next_line(lines: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    match io::Read::take(lines, MAX_LINE).read_line(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(text.ends_with('\n').then_some(text)),
    }
}

impl Iterator for Reader {
    type Item = Result<Event, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line += 1;
            let text = match next_line(&mut self.lines) {
                Ok(Some(text)) => text,
                Ok(None) => match self.next_file() {
                    Ok(true) => continue,
                    Ok(false) => return None,
                    Err(error) => return Some(Err(error)),
                },
                Err(error) => return Some(Err(error.into())),
            };
            let event = serde_json::from_str(&text).map_err(|source| HistoryError::NotAnEvent {
                line: self.line,
                source,
            });
            self.cycles += u32::from(matches!(event, Ok(Event::Cycle(_))));
            return Some(event);
        }
    }
}
