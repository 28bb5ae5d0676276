//! Connections: their number, their timeouts and their socket options.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use poem::Addr;
use poem::http::uri::Scheme;
use poem::listener::Acceptor;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::Settings;
use super::head::Head;
use super::tls::{Stream, Tls};

/// Connections that the kernel queues until they are accepted.
const BACKLOG: u32 = 4096;

/// Pause after a failed `accept`, which usually means that no file descriptor is free.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Binds a listening socket.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A listener that limits the number of open connections. Further ones wait in the kernel.
pub(super) struct LimitedListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    limits: Limits,
    tls: Option<Arc<Tls>>,
}

/// The limits of one connection.
#[derive(Clone, Copy)]
struct Limits {
    idle_timeout: Duration,
    header_timeout: Duration,
}

impl LimitedListener {
    pub(super) fn new(listener: TcpListener, settings: &Settings) -> Self {
        let permits = settings.connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            listener,
            permits: Arc::new(Semaphore::new(permits)),
            limits: Limits {
                idle_timeout: settings.idle_timeout,
                header_timeout: settings.header_timeout,
            },
            tls: settings.tls.clone(),
        }
    }
}

impl Acceptor for LimitedListener {
    type Io = Connection;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.listener
            .local_addr()
            .into_iter()
            .map(|a| LocalAddr(Addr::SocketAddr(a)))
            .collect()
    }

    async fn accept(&mut self) -> io::Result<(Connection, LocalAddr, RemoteAddr, Scheme)> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, remote) = loop {
            match self.listener.accept().await {
                Ok(accepted) => break accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                }
            }
        };
        // A response is one small segment, which Nagle's algorithm would delay.
        stream.set_nodelay(true)?;
        let local = LocalAddr(Addr::SocketAddr(stream.local_addr()?));
        let remote = RemoteAddr(Addr::SocketAddr(remote));
        let (stream, scheme) = match &self.tls {
            Some(tls) => (tls.accept(stream), Scheme::HTTPS),
            None => (Stream::Plain(stream), Scheme::HTTP),
        };
        let connection = Connection {
            idle: Box::pin(tokio::time::sleep(self.limits.idle_timeout)),
            // The handshake has as long as a head.
            head_timer: stream
                .is_handshake()
                .then(|| Box::pin(tokio::time::sleep(self.limits.header_timeout))),
            stream,
            limits: self.limits,
            active: false,
            in_request: false,
            head: Head::Waiting,
            _permit: permit,
        };
        Ok((connection, local, remote, scheme))
    }
}

/// An accepted connection and its permit.
///
/// Reads and writes fail with `TimedOut` after the idle timeout, in which no request began and nothing
/// was written. So neither a silent client, nor one that sends a byte now and then, nor one that does
/// not read its response keeps the permit. (poem's own idle timeout spawns a task for every read and
/// write.)
///
/// Reads fail as well if the head of a request is not complete by the header timeout after its first
/// byte. (hyper's own header timeout runs on idle connections.)
pub(super) struct Connection {
    stream: Stream,
    limits: Limits,
    idle: Pin<Box<Sleep>>,
    /// Runs while the TLS handshake or a part of a head is awaited.
    head_timer: Option<Pin<Box<Sleep>>>,
    head: Head,
    /// Whether a request began or something was written since the timer was last set.
    active: bool,
    /// Whether something was read since the last write.
    in_request: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    /// Completes at the idle timeout. Sets the timer here, so that not every read and write has to.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if std::mem::take(&mut self.active) {
            let deadline = Instant::now() + self.limits.idle_timeout;
            self.idle.as_mut().reset(deadline);
        }
        let timed_out = self.idle.as_mut().poll(cx);
        timed_out.map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }

    /// Completes at an idle or header timeout.
    fn poll_timeouts(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if let Some(timer) = &mut self.head_timer
            && timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(io::ErrorKind::TimedOut.into());
        }
        self.poll_idle(cx)
    }

    /// Looks for the end of the head in what was read.
    fn after_read(&mut self, read: &[u8]) {
        self.active |= !std::mem::replace(&mut self.in_request, true);
        self.head.receive(read);
        if !self.head.is_partial() {
            self.head_timer = None;
        } else if self.head_timer.is_none() {
            let timeout = self.limits.header_timeout;
            self.head_timer = Some(Box::pin(tokio::time::sleep(timeout)));
        }
    }

    fn after_write(
        &mut self,
        bytes: &[u8],
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.poll_idle(cx).map(Err);
        }
        self.active = true;
        self.in_request = false;
        self.head_timer = None;
        self.head.respond(bytes);
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let in_handshake = self.stream.is_handshake();
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if in_handshake && !self.stream.is_handshake() {
            self.head_timer = None;
        }
        if read.is_pending() {
            return self.poll_timeouts(cx).map(Err);
        }
        self.after_read(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(bytes, written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        let first = slices.first().map_or(&[][..], |slice| slice);
        self.after_write(first, written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
