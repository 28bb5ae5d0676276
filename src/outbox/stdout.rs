//! Events as lines on stdout.

use std::io::{self, Write};
use std::sync::mpsc;

use tokio::sync::oneshot;

use super::error::{PublishError, Wish};
use super::{Event, envelope};

/// The most lines that are written at once.
pub(super) const LINES_MAX: usize = 256;

/// A line, and who waits until it is written.
type Line = (Vec<u8>, oneshot::Sender<Result<(), io::ErrorKind>>);

/// Writes one line for each event, in a thread of its own: a reader that does not read holds up
/// neither the other tasks nor the end of the process.
#[derive(Debug)]
pub(super) struct StdoutSink {
    lines: mpsc::Sender<Line>,
}

impl StdoutSink {
    pub(super) fn new() -> io::Result<Self> {
        let (lines, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("stdout".to_owned())
            .spawn(move || write_all(&queue))?;
        Ok(Self { lines })
    }

    /// Ends once the line is written, however long that takes: half a line is of no use.
    pub(super) async fn publish(&self, event: &Event) -> Result<(), PublishError> {
        let line = envelope::structured(event);
        let mut line = line.map_err(|error| PublishError::new(format!("not JSON: {error}")))?;
        line.push(b'\n');
        let (written, is_written) = oneshot::channel();
        let sent = self.lines.send((line, written));
        let result = match sent {
            Ok(()) => is_written.await.unwrap_or(Err(io::ErrorKind::Other)),
            Err(_) => Err(io::ErrorKind::Other),
        };
        result.map_err(|kind| {
            let failed = PublishError::new(format!("cannot write to stdout: {kind}"));
            match kind {
                io::ErrorKind::BrokenPipe => failed.wishing(Wish::End),
                _ => failed,
            }
        })
    }
}

/// Writes whatever waits with one call.
fn write_all(queue: &mpsc::Receiver<Line>) {
    while let Ok((mut text, first)) = queue.recv() {
        let mut waiting = vec![first];
        while waiting.len() < LINES_MAX
            && let Ok((line, next)) = queue.try_recv()
        {
            text.extend_from_slice(&line);
            waiting.push(next);
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&text).and_then(|()| stdout.flush());
        for one in waiting {
            // The relay may have been stopped.
            let _ = one.send(written.as_ref().copied().map_err(io::Error::kind));
        }
    }
}
