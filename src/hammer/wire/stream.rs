//! The bytes of a connection, in the clear or encrypted.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::tls::Session;

/// What a connection sends and receives through.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<Session>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(session) => session.tcp(),
        }
    }

    /// Sends all of `bytes`.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await,
            Self::Tls(session) => session.send(bytes).await,
        }
    }

    /// Sends `bytes` without yielding to the event loop.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => match tcp.try_write(bytes)? {
                sent if sent == bytes.len() => Ok(()),
                _ => Err(io::ErrorKind::WriteZero.into()),
            },
            Self::Tls(session) => session.push(bytes),
        }
    }

    /// Appends what was received, without waiting; returns how many bytes. 0 is the end.
    pub(super) fn try_read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.try_read_buf(into),
            Self::Tls(session) => session.try_read(into),
        }
    }

    /// Waits until the socket may have something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.tcp().readable().await
    }

    /// Disconnects, with a reset, which the server sees at once, or gracefully.
    pub(super) fn abandon(mut self, reset: bool) {
        if reset {
            // If the option fails, the connection still closes, gracefully.
            let _ = self.tcp().set_zero_linger();
        } else if let Self::Tls(session) = &mut self {
            session.close();
        }
    }
}
