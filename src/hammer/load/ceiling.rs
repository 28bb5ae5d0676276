//! The generator's own limit: the same requests against a server that does nothing.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::measure;
use super::settings::LoadSettings;
use super::tally::per_second;
use crate::hammer::settings::Service;
use crate::hammer::wire::Target;

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nlocation: /orders/01900000-0000-7000-8000-000000000000\r\ncontent-length: 83\r\n\r\n{\"id\":\"01900000-0000-7000-8000-000000000000\",\"item\":\"load-00000000-0\",\"quantity\":1}";

/// Measures requests per second against a server that does nothing and shares this machine.
pub(super) async fn measure(connections: usize, duration: Duration) -> f64 {
    let (stop, stopped) = oneshot::channel();
    let (send_address, address) = oneshot::channel();
    let thread = std::thread::spawn(move || run_server(send_address, stopped));
    let Ok(address) = address.await else {
        return 0.0;
    };
    let settings = LoadSettings {
        service: Service::Running(Vec::new()),
        headers: Vec::new(),
        connections,
        rate: None,
        replays: 0,
        warmup: duration / 4,
        duration: duration * 3 / 4,
        thresholds: Vec::new(),
    };
    let tally = measure::measure(&settings, &[Target::loopback(address)]).await;
    drop(stop);
    // The thread ends at once; a panic in it costs nothing any more.
    let _ = thread.join();
    per_second(tally.answered(), settings.duration)
}

/// Serves on a runtime of its own until `stopped` resolves.
fn run_server(send_address: oneshot::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0").await else {
            return;
        };
        let Ok(address) = listener.local_addr() else {
            return;
        };
        let _ = send_address.send(address);
        tokio::select! {
            () = serve(listener) => {}
            _ = stopped => {}
        }
    });
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

/// Answers each request, which arrives in one piece and ends with the brace of its body.
async fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut bytes = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        if bytes[count - 1] == b'}' && stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
