//! A way to the database on which every answer takes its time, for a while.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::TestDatabase;

/// Forwards connections. Answers come as late as it is told.
pub(crate) struct Slow {
    address: SocketAddr,
    delay: watch::Sender<Duration>,
    forwarding: JoinHandle<()>,
}

impl Slow {
    /// Starts in front of a test's database, without delay.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let target = database.address();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (delay, state) = watch::channel(Duration::ZERO);
        let forwarding = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(forward(near, target, state.clone()));
            }
        });
        Self {
            address,
            delay,
            forwarding,
        }
    }

    /// The database's URL, through this.
    pub(crate) fn url(&self, database: &TestDatabase) -> String {
        database.url_by_way_of(self.address)
    }

    /// From now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.delay.send_replace(delay);
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.forwarding.abort();
    }
}

/// Either side's end is the end of both.
async fn forward(near: TcpStream, target: SocketAddr, delay: watch::Receiver<Duration>) {
    let far = TcpStream::connect(target).await.unwrap();
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    let answers = async {
        let mut answer = vec![0; 65_536];
        while let Ok(length @ 1..) = far_read.read(&mut answer).await {
            let pause = *delay.borrow();
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            if near_write.write_all(&answer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = copy(&mut near_read, &mut far_write) => {}
        () = answers => {}
    }
}
