//! The generator's own limit: the same requests against a server that does nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::measure;
use super::settings::LoadSettings;
use super::tally::per_second;
use crate::hammer::settings::Service;
use crate::hammer::wire::{Target, Tls, Trust};

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\nlocation: /orders/01900000-0000-7000-8000-000000000000\r\ncontent-length: 83\r\n\r\n{\"id\":\"01900000-0000-7000-8000-000000000000\",\"item\":\"load-00000000-0\",\"quantity\":1}";

/// Measures requests per second against a server that does nothing and shares this machine.
/// Returns 0 if there is no such server.
pub(super) async fn measure(connections: usize, duration: Duration, is_encrypted: bool) -> f64 {
    let (stop, stopped) = oneshot::channel();
    let (send_address, address) = oneshot::channel();
    let (acceptor, tls) = match is_encrypted.then(encryption) {
        None => (None, None),
        Some(Some((acceptor, tls))) => (Some(acceptor), Some(tls)),
        Some(None) => return 0.0,
    };
    let thread = std::thread::spawn(move || run_server(send_address, stopped, acceptor));
    let Ok(address) = address.await else {
        return 0.0;
    };
    let settings = LoadSettings {
        service: Service::Running(Vec::new()),
        contract: None,
        headers: Vec::new(),
        connections,
        rate: None,
        replays: 0,
        warmup: duration / 4,
        duration: duration * 3 / 4,
        thresholds: Vec::new(),
    };
    let mut target = Target::loopback(address);
    target.tls = tls;
    let tally = measure::measure(&settings, &[target]).await;
    drop(stop);
    // The thread ends at once; a panic in it costs nothing any more.
    let _ = thread.join();
    per_second(tally.answered(), settings.duration)
}

/// Both sides of an encryption with a new certificate that nobody verifies.
fn encryption() -> Option<(TlsAcceptor, Tls)> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).ok()?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).ok()?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.into()], key)
        .ok()?;
    let trust = Trust {
        insecure: true,
        ..Trust::default()
    };
    let tls = Tls::new("localhost", &trust).ok()?;
    Some((TlsAcceptor::from(Arc::new(config)), tls))
}

/// Serves on a runtime of its own until `stopped` resolves.
fn run_server(
    send_address: oneshot::Sender<SocketAddr>,
    stopped: oneshot::Receiver<()>,
    acceptor: Option<TlsAcceptor>,
) {
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
            () = serve(listener, acceptor) => {}
            _ = stopped => {}
        }
    });
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            match acceptor {
                None => answer(stream).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        answer(stream).await;
                    }
                }
            }
        });
    }
}

/// Answers each request, which arrives in one piece and ends with the brace of its body.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut bytes = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut bytes).await {
        let last = bytes[count - 1];
        if last == b'}'
            && (stream.write_all(ANSWER).await.is_err() || stream.flush().await.is_err())
        {
            return;
        }
    }
}
