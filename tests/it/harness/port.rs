//! A port for a server that is a process of its own.

use std::net::Ipv4Addr;

use tokio::net::TcpSocket;

/// Free, and kept from whoever takes any port while the server is away: on Linux one that sets
/// `SO_REUSEADDR`, as PostgreSQL and PgBouncer do, listens where this socket is only bound.
pub(super) struct Port {
    pub(super) number: u16,
    _kept: Option<TcpSocket>,
}

impl Port {
    pub(super) fn free() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self {
            number: socket.local_addr().unwrap().port(),
            _kept: cfg!(target_os = "linux").then_some(socket),
        }
    }
}
