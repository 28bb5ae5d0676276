//! One TCP connection, and which bytes have crossed it.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{Parsed, RawAnswer, parse};

/// No answer of the contract is longer, but a page of the order list is.
const LONGEST_ANSWER: usize = 4 << 20;

/// How an attempt failed on the wire.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("could not connect")]
    Connect(#[source] io::Error),
    #[error("could not send")]
    Send(#[source] io::Error),
    #[error("the connection broke before the answer was complete")]
    Receive(#[source] io::Error),
    #[error("the connection was closed after {0} bytes of the answer")]
    Closed(usize),
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(String),
    #[error("the answer is longer than {LONGEST_ANSWER} bytes")]
    TooLong,
}

impl WireError {
    /// The error and its sources, on one line.
    pub(crate) fn with_sources(&self) -> String {
        let mut line = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            line = format!("{line}: {cause}");
            source = cause.source();
        }
        line
    }
}

/// A connection without Nagle's algorithm: what is written, leaves.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    arrived: Vec<u8>,
}

impl Connection {
    /// Connects within `patience`.
    pub(crate) async fn open(address: SocketAddr, patience: Duration) -> Result<Self, WireError> {
        let stream = timeout(patience, TcpStream::connect(address))
            .await
            .map_err(|_| WireError::TimedOut(patience))?
            .map_err(WireError::Connect)?;
        stream.set_nodelay(true).map_err(WireError::Connect)?;
        Ok(Self {
            stream,
            arrived: Vec::new(),
        })
    }

    /// Sends all of `bytes`.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream.write_all(bytes).await.map_err(WireError::Send)
    }

    /// Sends `bytes` at once, without a turn of the event loop; they are few enough to fit the
    /// empty socket buffer.
    pub(crate) fn push(&self, bytes: &[u8]) -> Result<(), WireError> {
        match self.stream.try_write(bytes) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(_) => Err(WireError::Send(io::ErrorKind::WriteZero.into())),
            Err(error) => Err(WireError::Send(error)),
        }
    }

    /// Whether nothing has arrived and the other side has not hung up.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut one = [0; 1];
        matches!(self.stream.try_read(&mut one), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads one answer within `patience`, and says when its first byte was seen.
    pub(crate) async fn receive(
        &mut self,
        patience: Duration,
    ) -> Result<(RawAnswer, Instant), WireError> {
        timeout(patience, self.read_answer())
            .await
            .unwrap_or(Err(WireError::TimedOut(patience)))
            .map(|(answer, seen, taken)| {
                self.arrived.drain(..taken);
                (answer, seen)
            })
    }

    /// Reads one answer within `patience`: its status and all its bytes.
    pub(crate) async fn receive_bytes(
        &mut self,
        patience: Duration,
    ) -> Result<(u16, Vec<u8>), WireError> {
        let (answer, _, taken) = timeout(patience, self.read_answer())
            .await
            .unwrap_or(Err(WireError::TimedOut(patience)))?;
        Ok((answer.status, self.arrived.drain(..taken).collect()))
    }

    /// One answer, when its first byte was seen, and how many of the arrived bytes are its own.
    async fn read_answer(&mut self) -> Result<(RawAnswer, Instant, usize), WireError> {
        let mut first = None;
        loop {
            self.stream.readable().await.map_err(WireError::Receive)?;
            let ended = match self.stream.try_read_buf(&mut self.arrived) {
                Ok(count) => count == 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(WireError::Receive(error)),
            };
            let seen = *first.get_or_insert_with(Instant::now);
            match parse(&self.arrived, ended) {
                Parsed::Whole(answer, taken) => return Ok((answer, seen, taken)),
                Parsed::Nonsense(why) => return Err(WireError::NotHttp(why)),
                Parsed::Partial if ended => return Err(WireError::Closed(self.arrived.len())),
                Parsed::Partial if self.arrived.len() > LONGEST_ANSWER => {
                    return Err(WireError::TooLong);
                }
                Parsed::Partial => {}
            }
        }
    }

    /// Goes away: with a reset that the server sees at once, or with a polite end.
    pub(crate) fn abandon(self, reset: bool) {
        if reset {
            // Where the option fails the connection still ends, only more politely.
            let _ = self.stream.set_zero_linger();
        }
    }
}
