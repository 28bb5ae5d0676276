//! Slow clients: slow to send, slow to read, gone without a close. Their connections use little
//! memory and are closed, and other clients are served.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::load::Load;
use super::{alone, memory_peak, open_files, pause};
use crate::harness::{Process, on_both, order};

/// Slow clients of each kind.
const CLIENTS: usize = 300;

/// The memory limit in megabytes, for an unoptimised build.
const MEMORY_MAX: u64 = 250;

const HEAD: &str = "POST /orders HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";

const TIMEOUTS: [&str; 4] = ["--idle-timeout", "3s", "--body-timeout", "2s"];

/// How a client is slow.
#[derive(Debug, Clone, Copy)]
enum Slow {
    /// Sends a head byte by byte, without end.
    TricklesHead,
    /// Sends a body byte by byte.
    TricklesBody,
    /// Sends half a head and nothing more, as a client that has crashed.
    HalfOpen,
    /// Sends requests and does not read the responses.
    NeverReads,
}

const ALL: [Slow; 4] = [
    Slow::TricklesHead,
    Slow::TricklesBody,
    Slow::HalfOpen,
    Slow::NeverReads,
];

/// Runs until the server closes the connection.
async fn run(address: SocketAddr, how: Slow) {
    let mut stream = connect(address, how).await;
    match how {
        Slow::TricklesHead => {
            let _ = stream.write_all(format!("{HEAD}X-Slow: ").as_bytes()).await;
            trickle(&mut stream).await;
        }
        Slow::TricklesBody => {
            let lines = "Idempotency-Key: slow\r\nContent-Length: 10000\r\n\r\n";
            let _ = stream.write_all(format!("{HEAD}{lines}").as_bytes()).await;
            trickle(&mut stream).await;
        }
        Slow::HalfOpen => {
            let _ = stream.write_all(HEAD.as_bytes()).await;
            pause(60.0).await;
        }
        Slow::NeverReads => {
            // The responses are more than the socket buffers of both sides hold.
            let requests = "GET /openapi.json HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1_000);
            let _ = stream.write_all(requests.as_bytes()).await;
            pause(60.0).await;
        }
    }
}

/// A client that does not read has a small receive buffer.
async fn connect(address: SocketAddr, how: Slow) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if matches!(how, Slow::NeverReads) {
        socket.set_recv_buffer_size(4096).unwrap();
    }
    socket.connect(address).await.unwrap()
}

async fn trickle(stream: &mut TcpStream) {
    while stream.write_all(b"x").await.is_ok() {
        pause(0.2).await;
    }
}

/// Waits until the server has no more open files than this.
async fn wait_until_closed(server: &Process, files: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while open_files(server) > files {
        let open = open_files(server);
        assert!(
            Instant::now() < deadline,
            "{open} files are open, not {files}"
        );
        pause(0.1).await;
    }
}

on_both! {
    async fn slow_clients_are_closed_and_others_are_served(database: &TestDatabase) {
        let _alone = alone().await;
        let server = Process::serve_with(database, &TIMEOUTS);
        let load = Load::start(server.client.address, 32);
        pause(1.0).await;
        let before = open_files(&server);
        let mut slow = JoinSet::new();
        for how in ALL {
            for _ in 0..CLIENTS {
                slow.spawn(run(server.client.address, how));
            }
        }
        pause(1.0).await;
        let with_all = open_files(&server);
        assert!(with_all > before + CLIENTS * 3, "{with_all} open files");
        wait_until_closed(&server, before + 4).await;
        let memory = memory_peak(&server);
        let outcomes = load.stop().await;
        slow.abort_all();
        assert!(memory < MEMORY_MAX, "{memory} MB");
        outcomes.assert_sound(database).await;
        // On a busy machine some requests meet the short timeouts of this server, too.
        let (placed, all) = (outcomes.answers(201).count(), outcomes.0.len());
        assert!(placed * 100 >= all * 95, "{placed} of {all} orders are placed");
        let longest = outcomes.longest();
        assert!(longest < Duration::from_secs(20), "a request took {longest:?}");
        let reply = server.client.place("slow", order("tea", 1)).await;
        assert_eq!(reply.status, 201, "an incomplete body used up its key");
        server.stop();
    }
}
