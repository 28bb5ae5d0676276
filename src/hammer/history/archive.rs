//! The files of a history: one for a run, or compressed ones in bounded space for a soak.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::event::{Event, Header};
use super::file::Writer;

/// Maximum size in bytes of the history of a soak. A cycle has about 10 to 20 MB.
pub(crate) const SOAK_BYTES: u64 = 256 << 20;

/// The history of a run that is not a soak.
const PLAIN: &str = "history.ndjson";

/// Writes the history of a run into a folder.
#[derive(Debug)]
pub(crate) struct Archive {
    folder: PathBuf,
    /// Maximum size of all files. Without it, there is one file, which is not compressed.
    bound: Option<u64>,
    /// The first event, which every file begins with.
    header: Option<Header>,
    /// The number of the current cycle.
    cycle: u32,
    writer: Option<Writer>,
    /// Finished files with their sizes, oldest first.
    finished: Vec<(PathBuf, u64)>,
}

impl Archive {
    /// Creates the folder, and removes the history of an earlier run from it.
    pub(crate) fn create(folder: &Path, bound: Option<u64>) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for stale in files(folder) {
            fs::remove_file(stale)?;
        }
        let mut archive = Self {
            folder: folder.to_owned(),
            bound,
            header: None,
            cycle: 0,
            writer: None,
            finished: Vec::new(),
        };
        // A folder that cannot be written is found before the run.
        archive.writer = Some(Writer::create(&archive.path())?);
        Ok(archive)
    }

    /// The path of the current file.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(match self.bound {
            None => PLAIN.to_owned(),
            Some(_) => format!("history-{:06}.ndjson.gz", self.cycle),
        })
    }

    /// Appends an event.
    pub(super) fn write(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Run(header) = event {
            self.header = Some(header.clone());
        }
        let path = self.path();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                let mut writer = Writer::create(&path)?;
                if let Some(header) = &self.header {
                    writer.write(&Event::Run(Header {
                        first_cycle: self.cycle,
                        ..header.clone()
                    }))?;
                }
                none.insert(writer)
            }
        };
        writer.write(event)
    }

    /// Ends a cycle: all of it is handed to the operating system.
    pub(super) fn end_cycle(&mut self) -> io::Result<()> {
        let Some(bound) = self.bound else {
            return self.writer.as_mut().map_or(Ok(()), Writer::flush);
        };
        let path = self.path();
        self.cycle += 1;
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        writer.finish()?;
        let size = fs::metadata(&path)?.len();
        self.finished.push((path, size));
        self.rotate(bound)
    }

    /// Removes the oldest cycles but the first, from which the dialect of the target was learned,
    /// until the others fit. The last one always stays.
    fn rotate(&mut self, bound: u64) -> io::Result<()> {
        while self.finished.iter().map(|(_, size)| size).sum::<u64>() > bound
            && self.finished.len() > 2
        {
            let (path, _) = self.finished.remove(1);
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// The files of the history in `folder`, in the order of their cycles.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| is_history(&name.to_string_lossy()))
        })
        .collect();
    found.sort();
    found
}

fn is_history(name: &str) -> bool {
    let number = name
        .strip_prefix("history-")
        .and_then(|rest| rest.strip_suffix(".ndjson.gz"));
    let is_number = |text: &str| text.len() >= 6 && text.bytes().all(|b| b.is_ascii_digit());
    name == PLAIN || number.is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hammer::history::{Cycle, Reader};

    fn header() -> Header {
        serde_json::from_value(serde_json::json!({
            "version": 1, "program": "0", "run": "r", "seed": 1, "profile": "soak",
            "targets": ["t"], "scenarios": ["pair"], "oracles": ["api"], "strict": false,
            "least_contended": 1, "settle_ms": 1, "started_unix_ms": 0, "cores": 1, "repeat": "",
        }))
        .unwrap()
    }

    /// Writes cycles whose `t` is their number; their problems fill them.
    fn write(folder: &Path, bound: Option<u64>, cycles: u64) {
        let mut archive = Archive::create(folder, bound).unwrap();
        archive.write(&Event::Run(header())).unwrap();
        for t in 0..cycles {
            let problems = (0..200).map(|n| format!("{:x}", (t + 1) * n * 0x9e37_79b9));
            let cycle = Cycle {
                t,
                problems: problems.collect(),
                ..Cycle::default()
            };
            archive.write(&Event::Cycle(cycle)).unwrap();
            archive.end_cycle().unwrap();
        }
    }

    /// The cycles that are read back, and how many are missing.
    fn read(path: &Path) -> (Vec<u64>, u32) {
        let (_, mut reader) = Reader::open(path).unwrap();
        let mut cycles = Vec::new();
        for event in &mut reader {
            if let Event::Cycle(cycle) = event.unwrap() {
                cycles.push(cycle.t);
            }
        }
        (cycles, reader.missing_cycles())
    }

    #[test]
    fn a_soak_keeps_its_first_and_its_last_cycles_in_bounded_space() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write(folder, Some(1), 1);
        let one = fs::metadata(&files(folder)[0]).unwrap().len();
        let bound = one * 7 / 2;
        write(folder, Some(bound), 20);
        let size: u64 = files(folder)
            .iter()
            .map(|path| fs::metadata(path).unwrap().len())
            .sum();
        assert!(size <= bound, "{size} of {bound}");
        assert_eq!(read(folder), (vec![0, 18, 19], 17));
        // The name of an ordinary history stands for all files.
        assert_eq!(read(&folder.join(PLAIN)), (vec![0, 18, 19], 17));
        let last = folder.join("history-000019.ndjson.gz");
        assert_eq!(read(&last), (vec![19], 19));
    }

    #[test]
    fn a_history_replaces_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Some(1 << 20), 3);
        write(folder.path(), None, 2);
        assert_eq!(read(folder.path()), (vec![0, 1], 0));
        write(folder.path(), Some(1 << 20), 1);
        assert_eq!(read(folder.path()), (vec![0], 0));
    }

    #[test]
    fn a_file_that_was_cut_off_is_read_up_to_there() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Some(1 << 20), 2);
        let last = &files(folder.path())[1];
        let bytes = fs::read(last).unwrap();
        fs::write(last, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(read(folder.path()).0, [0]);
    }
}
