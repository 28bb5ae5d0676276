//! Clients that dawdle: slow to send, slow to read, gone without a word. They cost little, they
//! are got rid of, and nobody else notices.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::load::{Load, Told};
use super::{ALONE, assert_stored, database, memory_peak, open_files, pause};
use crate::harness::{Backend, Process, order};

/// Of each kind.
const CLIENTS: usize = 300;

/// Megabytes, as in [`super::slow_database`].
const MEMORY_MAX: u64 = 250;

const HEAD: &str = "POST /orders HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";

const BOUNDS: [&str; 4] = ["--idle-timeout", "3s", "--body-timeout", "2s"];

/// How a client dawdles.
#[derive(Debug, Clone, Copy)]
enum Dawdler {
    /// A byte of a head now and then, for ever.
    TricklesHead,
    /// A byte of a body now and then, for ever.
    TricklesBody,
    /// Half a head, and then nothing: the client is gone, and nobody has told the server.
    HalfOpen,
    /// Asks and asks and does not read.
    NeverReads,
}

const ALL: [Dawdler; 4] = [
    Dawdler::TricklesHead,
    Dawdler::TricklesBody,
    Dawdler::HalfOpen,
    Dawdler::NeverReads,
];

/// Goes on until the server closes the connection.
async fn dawdle(address: SocketAddr, how: Dawdler) {
    let mut stream = connect(address, how).await;
    match how {
        Dawdler::TricklesHead => {
            let _ = stream.write_all(format!("{HEAD}X-Slow: ").as_bytes()).await;
            trickle(&mut stream).await;
        }
        Dawdler::TricklesBody => {
            let lines = "Idempotency-Key: slow\r\nContent-Length: 10000\r\n\r\n";
            let _ = stream.write_all(format!("{HEAD}{lines}").as_bytes()).await;
            trickle(&mut stream).await;
        }
        Dawdler::HalfOpen => {
            let _ = stream.write_all(HEAD.as_bytes()).await;
            pause(60.0).await;
        }
        Dawdler::NeverReads => {
            // More than the kernel keeps for anybody, of which the server has to make nothing.
            let asks = "GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1_000);
            let _ = stream.write_all(asks.as_bytes()).await;
            pause(60.0).await;
        }
    }
}

/// One that does not read has little room for what it does not read.
async fn connect(address: SocketAddr, how: Dawdler) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if matches!(how, Dawdler::NeverReads) {
        socket.set_recv_buffer_size(4096).unwrap();
    }
    socket.connect(address).await.unwrap()
}

async fn trickle(stream: &mut TcpStream) {
    while stream.write_all(b"x").await.is_ok() {
        pause(0.2).await;
    }
}

/// Waits until the server has no more connections than it had before.
async fn got_rid_of(server: &Process, before: usize) -> Duration {
    let started = Instant::now();
    while open_files(server) > before {
        let open = open_files(server);
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{open} files are open, {before} were before"
        );
        pause(0.1).await;
    }
    started.elapsed()
}

async fn dawdlers_bother_nobody(backend: Backend) {
    let _alone = ALONE.lock().await;
    let database = database(backend).await;
    let server = Process::start(Process::serving(&database).args(BOUNDS));
    let load = Load::start(server.client.address, 32);
    pause(1.0).await;
    let before = open_files(&server);
    let mut dawdlers = JoinSet::new();
    for how in ALL {
        for _ in 0..CLIENTS {
            dawdlers.spawn(dawdle(server.client.address, how));
        }
    }
    pause(1.0).await;
    let with_all = open_files(&server);
    assert!(with_all > before + CLIENTS * 3, "{with_all} open files");
    let rid = got_rid_of(&server, before + 4).await;
    let memory = memory_peak(&server);
    let told = load.stop().await;
    dawdlers.abort_all();
    eprintln!("{backend:?}: rid of all after {rid:?}, {memory} MB");
    assert!(memory < MEMORY_MAX, "{memory} MB");
    assert_nobody_noticed(&told);
    assert_stored(&database, &told).await;
    let reply = server.client.place("slow", order("tea", 1)).await;
    assert_eq!(
        reply.status, 201,
        "a body that did not arrive used no key up"
    );
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    database.drop().await;
}

/// The clients that do not dawdle are all served, hardly any of them late.
fn assert_nobody_noticed(told: &Told) {
    told.assert_sound();
    assert_eq!(told.answers(201).count(), told.0.len(), "all were served");
    let late = |seen: &&super::load::Seen| seen.ended - seen.sent > Duration::from_secs(2);
    let late = told.0.iter().filter(late).count();
    assert!(late * 20 <= told.0.len(), "{late} of {}", told.0.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dawdlers_bother_nobody_sqlite() {
    dawdlers_bother_nobody(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dawdlers_bother_nobody_postgres() {
    dawdlers_bother_nobody(Backend::Postgres).await;
}
