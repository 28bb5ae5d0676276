//! What the generator can do at most: the same requests, to a server that does nothing.

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

/// Requests a second against a server that does nothing, on this machine, which both share.
pub(super) async fn measure(connections: usize, duration: Duration) -> f64 {
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, told) = oneshot::channel();
    let thread = std::thread::spawn(move || {
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
            let _ = tell.send(listener.local_addr());
            tokio::select! {
                () = serve(listener) => {}
                _ = stopped => {}
            }
        });
    });
    let Ok(Ok(address)) = told.await else {
        return 0.0;
    };
    let target = Target {
        url: format!("http://{address}"),
        address,
        authority: address.to_string(),
        prefix: String::new(),
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
    let tally = measure::measure(&settings, &[target]).await;
    drop(stop);
    // It has nothing left to wait for.
    let _ = thread.join();
    per_second(tally.answered(), settings.duration)
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

/// Each request comes in one piece and ends with its body's brace.
async fn answer(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut bytes = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        if bytes[count - 1] == b'}' && stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
