//! A TCP proxy between a service and PostgreSQL that injects faults.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::TestDatabase;

/// What the proxy does to every connection through it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Forwards everything.
    None,
    /// Cuts all connections, and closes new ones at once.
    Down,
    /// Delays every answer of the database.
    Delay(Duration),
    /// Drops every answer of the database, which still executes the requests.
    DropAnswers,
    /// Cuts the connection at each of the next `times` requests that contain a marker.
    Cut {
        markers: &'static [&'static str],
        side: Side,
        times: usize,
    },
    /// Holds back requests that contain a marker until the fault ends.
    Hold { markers: &'static [&'static str] },
}

/// Which side of the commit the connection is cut on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The database does not receive the commit.
    BeforeCommit,
    /// The database commits, and its answer is lost.
    AfterCommit,
}

/// `CommandComplete` with which PostgreSQL answers a commit, chained or not.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// Forwards everything until a fault is injected. Stops when dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    cuts_left: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    server: SocketAddr,
    fault: Fault,
}

impl Proxy {
    /// Starts in front of a test's database.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::to(database.address()).await
    }

    /// Starts in front of another server, such as a broker.
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, states) = watch::channel(State {
            server,
            fault: Fault::None,
        });
        let cuts_left = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (cuts, counted) = (Arc::clone(&cuts_left), Arc::clone(&requests));
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (cuts, counted) = (Arc::clone(&cuts), Arc::clone(&counted));
                tokio::spawn(forward(client, states.clone(), cuts, counted));
            }
        });
        Self {
            address,
            state,
            cuts_left,
            requests,
            accepting,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The database's URL through this proxy. It has a query: append parameters with `&`.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        database.url_through(self.address)
    }

    /// Replaces the current fault.
    pub(crate) fn inject(&self, fault: Fault) {
        if let Fault::Cut { times, .. } = fault {
            self.cuts_left.store(times, Ordering::SeqCst);
        }
        self.state.send_modify(|state| state.fault = fault);
    }

    /// Forwards everything again.
    pub(crate) fn heal(&self) {
        self.inject(Fault::None);
    }

    /// How many cuts of the last [`Fault::Cut`] have not happened yet.
    pub(crate) fn cuts_left(&self) -> usize {
        self.cuts_left.load(Ordering::SeqCst)
    }

    /// How often a connection has sent something to the database.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Heals, and forwards to another server. Cuts the connections to the previous one.
    pub(crate) fn redirect(&self, database: &TestDatabase) {
        self.state.send_replace(State {
            server: database.address(),
            fault: Fault::None,
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Forwards one connection until either side ends or a fault cuts it. Returning closes both sides.
async fn forward(
    client: TcpStream,
    mut states: watch::Receiver<State>,
    cuts_left: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
) {
    let State { server, fault } = *states.borrow();
    if fault == Fault::Down {
        return;
    }
    // A server that is down refuses: the client sees its connection closed.
    let Ok(database) = TcpStream::connect(server).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    database.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_database, to_database) = database.into_split();
    let link = Link {
        states: states.clone(),
        cuts_left,
        requests,
        cutting: AtomicBool::new(false),
    };
    tokio::select! {
        () = link.requests(from_client, to_database) => {}
        () = link.answers(from_database, to_client) => {}
        _ = states.wait_for(|now| now.fault == Fault::Down || now.server != server) => {}
    }
}

/// Both directions of a connection.
struct Link {
    states: watch::Receiver<State>,
    cuts_left: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    /// The database is executing a commit whose answer is to be lost.
    cutting: AtomicBool,
}

impl Link {
    async fn requests(&self, mut client: OwnedReadHalf, mut database: OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        while let Ok(length @ 1..) = client.read(&mut buffer).await {
            let request = &buffer[..length];
            self.requests.fetch_add(1, Ordering::SeqCst);
            let fault = self.fault();
            match fault {
                Fault::Cut { markers, side, .. }
                    if contains(request, markers) && self.take_cut() =>
                {
                    if side == Side::BeforeCommit {
                        return;
                    }
                    self.cutting.store(true, Ordering::SeqCst);
                }
                Fault::Hold { markers } if contains(request, markers) => {
                    let mut states = self.states.clone();
                    let _ = states.wait_for(|now| now.fault != fault).await;
                }
                _ => {}
            }
            if database.write_all(request).await.is_err() {
                return;
            }
        }
    }

    async fn answers(&self, mut database: OwnedReadHalf, mut client: OwnedWriteHalf) {
        let mut buffer = vec![0; 65_536];
        let mut dropped = false;
        while let Ok(length @ 1..) = database.read(&mut buffer).await {
            let answer = &buffer[..length];
            if self.cutting.load(Ordering::SeqCst) {
                if answer
                    .windows(COMMITTED.len())
                    .any(|part| part == COMMITTED)
                {
                    return;
                }
                continue;
            }
            match self.fault() {
                Fault::DropAnswers => {
                    dropped = true;
                    continue;
                }
                // The client would take this answer for the one that was dropped.
                _ if dropped => return,
                Fault::Delay(delay) => tokio::time::sleep(delay).await,
                _ => {}
            }
            if client.write_all(answer).await.is_err() {
                return;
            }
        }
    }

    fn fault(&self) -> Fault {
        self.states.borrow().fault
    }

    fn take_cut(&self) -> bool {
        let order = Ordering::SeqCst;
        let one_less = |left: usize| left.checked_sub(1);
        self.cuts_left.fetch_update(order, order, one_less).is_ok()
    }
}

fn contains(request: &[u8], markers: &[&str]) -> bool {
    markers.iter().any(|marker| {
        let marker = marker.as_bytes();
        request.windows(marker.len()).any(|part| part == marker)
    })
}
