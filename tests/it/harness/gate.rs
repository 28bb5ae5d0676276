//! A way to the database that can be shut, as a network can.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::TestDatabase;

/// Forwards connections while it is open. Shutting it cuts them; new ones are closed at once.
pub(crate) struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
    forwarding: JoinHandle<()>,
}

impl Gate {
    /// Starts in front of a test's database, open.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let target = url::Url::parse(&database.url).unwrap();
        let target = target.socket_addrs(|| Some(5432)).unwrap()[0];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, state) = watch::channel(true);
        let forwarding = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(near, target, state.clone()));
            }
        });
        Self {
            address,
            open,
            forwarding,
        }
    }

    /// The database's URL, through this gate.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        let mut url = url::Url::parse(&database.url).unwrap();
        url.set_ip_host(self.address.ip()).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        url.into()
    }

    pub(crate) fn shut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(mut near: TcpStream, target: SocketAddr, mut open: watch::Receiver<bool>) {
    if !*open.borrow() {
        return;
    }
    let mut far = TcpStream::connect(target).await.unwrap();
    tokio::select! {
        // However it ends, both sides have been told.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
