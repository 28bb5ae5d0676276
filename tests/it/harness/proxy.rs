//! A proxy between a service and PostgreSQL that cuts connections at the commit of a batch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::TestDatabase;

/// Which side of the commit the connection is lost on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The database never hears of it.
    BeforeCommit,
    /// The database has committed, and nobody hears of that.
    AfterCommit,
}

/// Forwards everything until it is armed.
pub(crate) struct Proxy {
    address: SocketAddr,
    cuts_left: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts in front of a test's database. A message that holds `word` is taken for the
    /// statement that commits: on PostgreSQL a batch is one statement.
    pub(crate) async fn start(database: &TestDatabase, cut: Cut, word: &'static str) -> Self {
        let server = database.address();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cuts_left = Arc::new(AtomicUsize::new(0));
        let armed = cuts_left.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, armed) = (TcpStream::connect(server).await.unwrap(), armed.clone());
                tokio::spawn(forward(client, server, (cut, word), armed));
            }
        });
        Self { address, cuts_left }
    }

    /// The database's URL, through this proxy.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        database.url_by_way_of(self.address)
    }

    /// Cuts the connections of the next `count` commits.
    pub(crate) fn arm(&self, count: usize) {
        self.cuts_left.store(count, Ordering::SeqCst);
    }

    /// How many cuts have not happened yet.
    pub(crate) fn cuts_left(&self) -> usize {
        self.cuts_left.load(Ordering::SeqCst)
    }
}

/// Returning drops both ends.
async fn forward(
    mut client: TcpStream,
    mut server: TcpStream,
    (cut, word): (Cut, &'static str),
    armed: Arc<AtomicUsize>,
) {
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let message = &asked[..length];
                let cutting = message.windows(word.len()).any(|found| found == word.as_bytes())
                    && armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
                if cutting && cut == Cut::BeforeCommit || server.write_all(message).await.is_err() {
                    return;
                }
                if cutting {
                    // Its answer is the proof that the commit is done.
                    let _ = server.read(&mut answered).await;
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
