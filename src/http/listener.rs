//! Connections: their number, their idle timeout and their socket options.

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
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

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
    idle_timeout: Duration,
}

impl LimitedListener {
    pub(super) fn new(
        listener: TcpListener,
        connections_max: usize,
        idle_timeout: Duration,
    ) -> Self {
        let permits = connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            listener,
            permits: Arc::new(Semaphore::new(permits)),
            idle_timeout,
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
        let connection = Connection {
            stream,
            idle: Box::pin(tokio::time::sleep(self.idle_timeout)),
            idle_timeout: self.idle_timeout,
            active: false,
            in_request: false,
            _permit: permit,
        };
        Ok((connection, local, remote, Scheme::HTTP))
    }
}

/// An accepted connection and its permit.
///
/// Reads and writes fail with `TimedOut` after the idle timeout, in which no request began and nothing
/// was written. So neither a silent client, nor one that sends a byte now and then, nor one that does
/// not read its response keeps the permit. (poem's own idle timeout spawns a task for every read and
/// write.)
pub(super) struct Connection {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    idle_timeout: Duration,
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
            let deadline = Instant::now() + self.idle_timeout;
            self.idle.as_mut().reset(deadline);
        }
        let timed_out = self.idle.as_mut().poll(cx);
        timed_out.map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }

    fn after_write(
        &mut self,
        written: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            return self.poll_idle(cx).map(Err);
        }
        self.active = true;
        self.in_request = false;
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            self.active |= !std::mem::replace(&mut self.in_request, true);
            return Poll::Ready(read);
        }
        self.poll_idle(cx).map(Err)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.after_write(written, cx)
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
        self.after_write(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
