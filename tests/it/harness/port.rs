//! Ports for servers that run as processes.

use std::net::Ipv4Addr;

use tokio::net::TcpSocket;

/// A free loopback port, reserved while its server is down.
///
/// On Linux a bound socket keeps the port from the ephemeral range. A server that sets
/// `SO_REUSEADDR`, as PostgreSQL and PgBouncer do, can listen on it all the same.
pub(super) struct Port {
    pub(super) number: u16,
    _reservation: Option<TcpSocket>,
}

impl Port {
    pub(super) fn free() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self {
            number: socket.local_addr().unwrap().port(),
            _reservation: cfg!(target_os = "linux").then_some(socket),
        }
    }
}
