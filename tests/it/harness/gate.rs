//! A way to the database that can be shut, as a network can, and lead elsewhere, as a virtual
//! address can.

use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::TestDatabase;

/// Forwards connections while it is open. Shutting it cuts them; new ones are closed at once.
pub(crate) struct Gate {
    address: SocketAddr,
    /// Where it leads, or led before it was shut.
    target: Mutex<SocketAddr>,
    open: watch::Sender<Option<SocketAddr>>,
    forwarding: JoinHandle<()>,
}

impl Gate {
    /// Starts in front of a test's database, open.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let target = database.address();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, state) = watch::channel(Some(target));
        let forwarding = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(forward(near, state.clone()));
            }
        });
        Self {
            address,
            target: Mutex::new(target),
            open,
            forwarding,
        }
    }

    /// The database's URL, through this gate.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        database.url_by_way_of(self.address)
    }

    pub(crate) fn shut(&self) {
        self.open.send_replace(None);
    }

    pub(crate) fn open(&self) {
        self.open.send_replace(Some(*self.target.lock().unwrap()));
    }

    /// Leads to another server from now on. Connections to the one before are cut.
    pub(crate) fn lead_to(&self, database: &TestDatabase) {
        *self.target.lock().unwrap() = database.address();
        self.open();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

async fn forward(mut near: TcpStream, mut open: watch::Receiver<Option<SocketAddr>>) {
    let Some(target) = *open.borrow_and_update() else {
        return;
    };
    // A server that is down is a connection that ends.
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    tokio::select! {
        // However it ends, both sides have been told.
        _ = copy_bidirectional(&mut near, &mut far) => {}
        _ = open.wait_for(|now| *now != Some(target)) => {}
    }
}
