//! Raw connections: requests that an HTTP client cannot send, in any pieces.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Reply;

/// Longer than every timeout of an instance under test.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A connection.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes. It is no error if the server no longer reads.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.0.write_all(bytes.as_ref()).await;
        self
    }

    /// Sends the head of a `POST /orders` with the media type and these header lines.
    pub(crate) async fn post(&mut self, lines: &str) -> &mut Self {
        let head = "POST /orders HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
        self.send(format!("{head}{lines}\r\n")).await
    }

    /// Reads one response, delimited by its `Content-Length`.
    pub(crate) async fn reply(&mut self) -> Reply {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            self.read_more(&mut bytes).await;
        };
        let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
        let (first, lines) = text.split_once("\r\n").unwrap_or((&text, ""));
        let status = first.split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HeaderMap = lines
            .lines()
            .map(|line| {
                let (name, value) = line.split_once(':').unwrap();
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value.trim()).unwrap())
            })
            .collect();
        let length = headers.get("content-length");
        let length = length.map_or(0, |value| value.to_str().unwrap().parse().unwrap());
        while bytes.len() < head + 4 + length {
            self.read_more(&mut bytes).await;
        }
        let body = Bytes::copy_from_slice(&bytes[head + 4..][..length]);
        Reply {
            status,
            headers,
            body,
        }
    }

    /// Waits until connections to an address are refused.
    pub(crate) async fn refused(address: SocketAddr) {
        let refused = async {
            // A connection that is still accepted is closed at once.
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TIMEOUT, refused)
            .await
            .expect("the address still accepts connections");
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let mut rest = Vec::new();
        // A reset closes it too.
        let end = timeout(TIMEOUT, self.0.read_to_end(&mut rest)).await;
        let _ = end.expect("the server does not close the connection");
        assert_eq!(
            String::from_utf8_lossy(&rest),
            "",
            "bytes after the response"
        );
    }

    async fn read_more(&mut self, bytes: &mut Vec<u8>) {
        let read = timeout(TIMEOUT, self.0.read_buf(bytes)).await;
        let read = read.expect("no response within the timeout").unwrap();
        let so_far = String::from_utf8_lossy(bytes);
        assert!(
            read > 0,
            "the server closed the connection after {so_far:?}"
        );
    }
}
