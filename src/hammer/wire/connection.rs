//! One TCP connection, with control over which bytes are sent when.

use std::io;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Target;
use super::answer::{Parsed, RawAnswer, parse};
use super::stream::Stream;
use super::tls::Session;
use crate::hammer::words::with_sources;

/// Maximum length of an answer; the longest is a list of everything that a service stores.
pub(super) const MAX_ANSWER: usize = 64 << 20;

/// How an attempt failed on the wire.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("could not connect")]
    Connect(#[source] io::Error),
    #[error("the TLS handshake failed")]
    Handshake(#[source] rustls::Error),
    #[error("could not send")]
    Send(#[source] io::Error),
    #[error("the connection broke before the answer was complete")]
    Receive(#[source] io::Error),
    #[error("the connection was closed after {0} bytes of the answer")]
    Closed(usize),
    #[error("no connection within {0:?}")]
    ConnectTimedOut(Duration),
    #[error("the new connection did not answer GET /health")]
    Warm(#[source] Box<WireError>),
    #[error("no complete answer within {0:?}")]
    TimedOut(Duration),
    #[error("the answer is not HTTP/1.1: {0}")]
    NotHttp(String),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

impl WireError {
    /// The error and its sources, on one line.
    pub(crate) fn with_sources(&self) -> String {
        with_sources(self)
    }
}

/// A connection without Nagle's algorithm: what is written is sent at once.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects within `limit`, including the handshake of TLS.
    pub(crate) async fn open(target: &Target, limit: Duration) -> Result<Self, WireError> {
        timeout(limit, connect(target))
            .await
            .unwrap_or(Err(WireError::ConnectTimedOut(limit)))
    }

    /// Sends all of `bytes`.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream.send(bytes).await.map_err(WireError::Send)
    }

    /// Sends `bytes` without yielding to the event loop. They are few enough to fit the empty
    /// socket buffer.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream.push(bytes).map_err(WireError::Send)
    }

    /// Whether nothing was received and the server has not closed the connection.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let received = self.stream.try_read(&mut self.received);
        let nothing_new =
            matches!(received, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        // Bytes after the last answer belong to no request.
        nothing_new && self.received.is_empty()
    }

    /// Receives one answer within `limit`; returns it with the time of its first byte.
    pub(crate) async fn receive(
        &mut self,
        limit: Duration,
    ) -> Result<(RawAnswer, Instant), WireError> {
        timeout(limit, self.read_answer())
            .await
            .unwrap_or(Err(WireError::TimedOut(limit)))
            .map(|(answer, seen, taken)| {
                self.received.drain(..taken);
                (answer, seen)
            })
    }

    /// Receives one answer within `limit`; returns its status and all its bytes.
    pub(crate) async fn receive_bytes(
        &mut self,
        limit: Duration,
    ) -> Result<(u16, Vec<u8>), WireError> {
        let (answer, _, taken) = timeout(limit, self.read_answer())
            .await
            .unwrap_or(Err(WireError::TimedOut(limit)))?;
        Ok((answer.status, self.received.drain(..taken).collect()))
    }

    /// Reads until an answer is complete; returns it with the time of its first byte and its
    /// length.
    async fn read_answer(&mut self) -> Result<(RawAnswer, Instant, usize), WireError> {
        let mut first = None;
        loop {
            let ended = match self.stream.try_read(&mut self.received) {
                Ok(count) => count == 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.readable().await.map_err(WireError::Receive)?;
                    continue;
                }
                Err(error) => return Err(WireError::Receive(error)),
            };
            let seen = *first.get_or_insert_with(Instant::now);
            match parse(&self.received, ended) {
                Parsed::Complete(answer, taken) => return Ok((answer, seen, taken)),
                Parsed::Invalid(why) => return Err(WireError::NotHttp(why)),
                Parsed::Partial if ended => return Err(WireError::Closed(self.received.len())),
                Parsed::Partial if self.received.len() > MAX_ANSWER => {
                    return Err(WireError::TooLong);
                }
                Parsed::Partial => {}
            }
        }
    }

    /// Disconnects, with a reset, which the server sees at once, or gracefully.
    pub(crate) fn abandon(self, reset: bool) {
        self.stream.abandon(reset);
    }
}

async fn connect(target: &Target) -> Result<Connection, WireError> {
    let tcp = TcpStream::connect(target.address)
        .await
        .map_err(WireError::Connect)?;
    tcp.set_nodelay(true).map_err(WireError::Connect)?;
    let stream = match &target.tls {
        None => Stream::Plain(tcp),
        Some(tls) => Stream::Tls(Box::new(Session::open(tcp, tls).await?)),
    };
    Ok(Connection {
        stream,
        received: Vec::new(),
    })
}
