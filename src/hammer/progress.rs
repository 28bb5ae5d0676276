//! Live progress on standard error: bars on a terminal, occasional lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal;
use super::words::counted;

/// Interval of lines within a stage; there is one more at its end.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The line of a stage. Its last part is cut where the terminal ends, because a line that wraps
/// cannot be redrawn.
const TEMPLATE: &str = "{prefix:14!} {bar:16.cyan/dim} {pos:>5}/{len:<5} {wide_msg}";

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Progress bars.
    Bars,
    /// Lines of text.
    Lines,
    /// Nothing.
    Silent,
}

impl Format {
    /// Bars if standard error is a terminal, lines otherwise.
    #[must_use]
    pub fn detect() -> Self {
        if io::stderr().is_terminal() {
            Self::Bars
        } else {
            Self::Lines
        }
    }
}

/// Shows the progress of a run on standard error.
#[derive(Debug)]
pub struct Progress {
    format: Format,
    current: Mutex<Option<ProgressStage>>,
}

/// A part of a run with a known number of cases.
#[derive(Debug)]
struct ProgressStage {
    name: String,
    bar: ProgressBar,
    requests: u64,
    begun: Instant,
    last_line: Instant,
}

impl ProgressStage {
    fn message(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        match self.requests {
            0 => format!("{seconds:.1} s"),
            count => format!("{seconds:.1} s, {}", counted(count, "request", "requests")),
        }
    }
}

impl Progress {
    /// Creates a progress without a stage.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            current: Mutex::new(None),
        }
    }

    /// Says something before or between the stages.
    pub(crate) fn say(&self, words: &str) {
        if self.format != Format::Silent {
            // Progress is lost if standard error is closed; the run goes on.
            let _ = writeln!(io::stderr(), "hammer: {words}");
        }
    }

    /// Finishes the current stage and begins one of at most `cases` cases.
    pub(crate) fn begin(&self, name: &str, cases: u64) {
        self.finish();
        let target = match self.format {
            Format::Bars => terminal::target(),
            Format::Lines | Format::Silent => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(cases), target);
        let style = ProgressStyle::with_template(TEMPLATE)
            .expect("the template is constant and valid")
            .progress_chars("━╸─");
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        let now = Instant::now();
        *self.lock() = Some(ProgressStage {
            name: name.to_owned(),
            bar,
            requests: 0,
            begun: now,
            last_line: now,
        });
    }

    /// Counts one finished case with its requests.
    pub(crate) fn tick(&self, requests: u64) {
        let mut current = self.lock();
        let Some(stage) = current.as_mut() else {
            return;
        };
        stage.requests += requests;
        stage.bar.set_message(stage.message());
        stage.bar.inc(1);
        if stage.last_line.elapsed() > HEARTBEAT {
            stage.last_line = Instant::now();
            self.write_line(stage, "…");
        }
    }

    /// Finishes the current stage. If its time was up before its cases were, it had fewer cases.
    pub(crate) fn finish(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.set_length(stage.bar.position());
            stage.bar.set_message(stage.message());
            stage.bar.abandon();
            self.write_line(&stage, "");
        }
    }

    /// Leaves the current stage as it is drawn, because the user interrupted it.
    pub(crate) fn interrupt(&self) {
        if let Some(stage) = self.lock().take() {
            // The terminal has echoed ^C beside the bar, which stays as it is.
            stage.bar.set_draw_target(ProgressDrawTarget::hidden());
            if self.format == Format::Bars {
                let _ = writeln!(io::stderr());
            }
            self.write_line(&stage, "");
        }
        self.say("interrupted, reading what is stored");
    }

    fn write_line(&self, stage: &ProgressStage, suffix: &str) {
        if self.format == Format::Lines {
            let name = &stage.name;
            let cases = counted(stage.bar.position(), "case", "cases");
            let requests = counted(stage.requests, "request", "requests");
            let seconds = stage.begun.elapsed().as_secs_f64();
            self.say(&format!(
                "{name}: {cases}, {requests}, {seconds:.1} s{suffix}"
            ));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<ProgressStage>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
