//! What a command shows on stderr while it takes longer than a second.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long a command may take in silence.
const SILENCE: Duration = Duration::from_secs(1);

/// How often the line on a terminal is drawn again.
const REDRAW: Duration = Duration::from_millis(200);

/// How often a line is logged where there is no terminal.
const LOG: Duration = Duration::from_secs(10);

/// Waits for the end of `work`. From the first second on, a line of a terminal shows what is being
/// done, for how long, and what `detail` says about it; elsewhere, the log says so now and then.
pub(super) async fn shown<T>(
    doing: &str,
    detail: impl Fn() -> String,
    work: impl Future<Output = T>,
) -> T {
    let begun = Instant::now();
    let is_terminal = io::stderr().is_terminal();
    let mut line: Option<ProgressBar> = None;
    let mut work = std::pin::pin!(work);
    let mut pause = if is_terminal { SILENCE } else { LOG };
    loop {
        tokio::select! {
            result = &mut work => {
                if let Some(line) = line {
                    line.finish_and_clear();
                }
                return result;
            }
            () = tokio::time::sleep(pause) => {}
        }
        let seconds = begun.elapsed().as_secs();
        let message = format!("{doing}: {seconds} s{}", detail());
        if is_terminal {
            line.get_or_insert_with(spinner).set_message(message);
            pause = REDRAW;
        } else {
            tracing::info!("{message}");
        }
    }
}

fn spinner() -> ProgressBar {
    let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    // Cut where the terminal ends, because a line that wraps cannot be redrawn.
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    line.set_style(style.expect("the template is constant and valid"));
    line.enable_steady_tick(REDRAW);
    line
}
