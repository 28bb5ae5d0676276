//! What a run says while it lasts: bars on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Elsewhere than on a terminal a line comes at most this often, and when a scenario is over.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Bars.
    Bars,
    /// Lines.
    Lines,
    /// Nothing.
    Silent,
}

impl Format {
    /// Bars if standard error is a terminal, else lines.
    #[must_use]
    pub fn detect() -> Self {
        if io::stderr().is_terminal() {
            Self::Bars
        } else {
            Self::Lines
        }
    }
}

/// Tells the progress on standard error.
#[derive(Debug)]
pub struct Progress {
    format: Format,
    current: Mutex<Option<ProgressStage>>,
}

#[derive(Debug)]
struct ProgressStage {
    name: String,
    bar: ProgressBar,
    requests: u64,
    begun: Instant,
    told: Instant,
}

impl Progress {
    /// Nothing has begun.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            current: Mutex::new(None),
        }
    }

    /// A stage of `cases` begins, and the one before it is over.
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
        .expect("a template that is right or wrong for ever");
        bar.set_style(style.progress_chars("━╸─"));
        bar.set_prefix(name.to_owned());
        let now = Instant::now();
        *self.lock() = Some(ProgressStage {
            name: name.to_owned(),
            bar,
            requests: 0,
            begun: now,
            told: now,
        });
    }

    /// A case of so many requests is done.
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
        if stage.told.elapsed() > HEARTBEAT {
            stage.told = Instant::now();
            self.line(stage, "…");
        }
    }

    /// The last stage is over.
    pub(crate) fn finish(&self) {
        if let Some(stage) = self.lock().take() {
            stage.bar.abandon();
            self.line(&stage, "");
        }
    }

    fn line(&self, stage: &ProgressStage, more: &str) {
        if self.format == Format::Lines {
            let ProgressStage { name, requests, .. } = stage;
            let (cases, took) = (stage.bar.position(), stage.begun.elapsed().as_secs_f64());
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(
                io::stderr(),
                "hammer: {name}: {cases} cases, {requests} requests, {took:.1} s{more}"
            );
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ProgressStage>> {
        self.current
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
