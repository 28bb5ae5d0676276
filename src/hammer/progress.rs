//! Live progress on standard error: bars on a terminal, occasional lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Interval of lines within a stage; there is one more at its end.
const HEARTBEAT: Duration = Duration::from_secs(5);

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

impl Progress {
    /// Creates a progress without a stage.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            current: Mutex::new(None),
        }
    }

    /// Finishes the current stage and begins one of `cases` cases.
    pub(crate) fn begin(&self, name: &str, cases: u64) {
        self.finish();
        let target = match self.format {
            Format::Bars => ProgressDrawTarget::stderr_with_hz(10),
            Format::Lines | Format::Silent => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(cases), target);
        let style = ProgressStyle::with_template(
            "{prefix:>16} {bar:32.cyan/dim} {pos:>5}/{len:<5} {msg} {elapsed}",
        )
        .expect("the template is constant and valid");
        bar.set_style(style.progress_chars("━╸─"));
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
        stage.bar.inc(1);
        stage
            .bar
            .set_message(format!("{} requests", stage.requests));
        if stage.last_line.elapsed() > HEARTBEAT {
            stage.last_line = Instant::now();
            self.write_line(stage, "…");
        }
    }

    /// Finishes the current stage.
    pub(crate) fn finish(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.abandon();
            self.write_line(&stage, "");
        }
    }

    fn write_line(&self, stage: &ProgressStage, suffix: &str) {
        if self.format == Format::Lines {
            let ProgressStage { name, requests, .. } = stage;
            let (cases, seconds) = (stage.bar.position(), stage.begun.elapsed().as_secs_f64());
            // Progress is lost if standard error is closed; the run goes on.
            let _ = writeln!(
                io::stderr(),
                "hammer: {name}: {cases} cases, {requests} requests, {seconds:.1} s{suffix}"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<ProgressStage>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
