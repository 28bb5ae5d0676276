//! The terminal that bars are drawn on.

use std::io;

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// Redraws a second.
const HZ: u8 = 10;

/// Columns that bars leave free: the terminal echoes `^C` where a bar ends. On a full line the echo
/// would begin another line, and the next drawing would be a second bar.
const ECHO: u16 = 2;

/// Standard error, for bars.
pub(crate) fn target() -> ProgressDrawTarget {
    let terminal = WithRoomForEcho(Term::buffered_stderr());
    ProgressDrawTarget::term_like_with_hz(Box::new(terminal), HZ)
}

/// A terminal that looks a little narrower than it is.
#[derive(Debug)]
struct WithRoomForEcho(Term);

impl TermLike for WithRoomForEcho {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(ECHO)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}
