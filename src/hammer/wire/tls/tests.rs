//! A client and a server over a real socket.

use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::hammer::wire::{Connection, Target};

const LIMIT: Duration = Duration::from_secs(5);
/// The type of a record with encrypted plaintext.
const APPLICATION_DATA: u8 = 23;

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS12, &TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.into()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Lengths and types of the records in what a client sent.
fn records(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut found = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        found.push((*kind, length));
        bytes = &rest[length..];
    }
    found
}

#[tokio::test]
async fn the_held_last_byte_is_alone_in_its_record_and_nothing_comes_before_it() {
    // Records what the client sends on its way to the server.
    let wire = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = server.local_addr().unwrap();
    let mut target = Target::loopback(wire.local_addr().unwrap());
    let trust = Trust {
        insecure: true,
        ..Trust::default()
    };
    target.tls = Some(Tls::new("localhost", &trust).unwrap());
    let recorded = Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = Arc::clone(&recorded);
    tokio::spawn(async move {
        let (client, _) = wire.accept().await.unwrap();
        let server = TcpStream::connect(upstream).await.unwrap();
        let ((mut from, mut to), (mut back_from, mut back_to)) =
            (client.into_split(), server.into_split());
        let forward = async {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes).await {
                record.lock().unwrap().extend_from_slice(&bytes[..count]);
                back_to.write_all(&bytes[..count]).await.unwrap();
            }
        };
        let _ = tokio::join!(forward, tokio::io::copy(&mut back_from, &mut to));
    });
    let received = tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let mut stream = acceptor().accept(stream).await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"}") {
            let mut bytes = [0; 64];
            let count = stream.read(&mut bytes).await.unwrap();
            seen.extend_from_slice(&bytes[..count]);
        }
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).await.unwrap();
        stream.flush().await.unwrap();
        seen
    });

    let mut connection = Connection::open(&target, LIMIT).await.unwrap();
    connection.send(b"head {body").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = records(&recorded.lock().unwrap());
    // The session tickets of the server are no answer.
    assert!(connection.is_quiet());
    connection.push(b"}").unwrap();
    let (answer, _) = connection.receive(LIMIT).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"ok"[..]));
    assert_eq!(received.await.unwrap(), b"head {body}");
    let after = records(&recorded.lock().unwrap());
    // TLS 1.3 adds the type of the plaintext and a tag of 16 bytes.
    let (head, last) = (b"head {body".len() + 17, 1 + 17);
    assert_eq!(before.last(), Some(&(APPLICATION_DATA, head)));
    assert_eq!(after[before.len()..], [(APPLICATION_DATA, last)]);
}

#[tokio::test]
async fn a_closed_connection_is_the_end_of_its_answer() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut target = Target::loopback(server.local_addr().unwrap());
    let trust = Trust {
        insecure: true,
        ..Trust::default()
    };
    target.tls = Some(Tls::new("localhost", &trust).unwrap());
    tokio::spawn(async move {
        let (stream, _) = server.accept().await.unwrap();
        let mut stream = acceptor().accept(stream).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        stream.write_all(answer).await.unwrap();
        stream.flush().await.unwrap();
        // Without the farewell of TLS.
        drop(stream.into_inner());
    });
    let mut connection = Connection::open(&target, LIMIT).await.unwrap();
    let received = connection.receive(LIMIT).await;
    assert!(
        matches!(received, Err(WireError::Closed(1..))),
        "{received:?}"
    );
}
