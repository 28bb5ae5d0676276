//! A TCP proxy for one connection, which injects one planned fault.
//!
//! Each faulty attempt gets a listener of its own, so it is clear which fault belongs to
//! which connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::hammer::history::{FaultSeen, Recorder};
use crate::hammer::wire::{Connection, Target, WireError};
use crate::hammer::workload::{Fault, FaultKind, Scenario};

/// The path of one attempt to its instance, and the fault on it.
pub(crate) struct ProxiedPath {
    /// Number of the attempt.
    pub(crate) attempt: u64,
    pub(crate) scenario: Scenario,
    pub(crate) kind: FaultKind,
    pub(crate) fault: Fault,
    /// The instance.
    pub(crate) upstream: Target,
    /// Length of the request in bytes.
    pub(crate) request_length: usize,
    /// How long the proxy waits for each step of the exchange.
    pub(crate) timeout: Duration,
}

/// A connection through the proxy, which will hand over the evidence of its fault.
pub(crate) struct Intercepted {
    attempt: u64,
    scenario: Scenario,
    kind: FaultKind,
    task: JoinHandle<Result<String, WireError>>,
}

impl Intercepted {
    /// Waits until the proxy is done, which its timeout bounds, and returns what it observed.
    pub(crate) async fn evidence(self, recorder: &Recorder) -> FaultSeen {
        let (landed, evidence) = match self.task.await {
            Ok(Ok(evidence)) => (true, evidence),
            Ok(Err(error)) => (false, error.to_string()),
            Err(error) => (false, error.to_string()),
        };
        FaultSeen {
            t: recorder.now(),
            kind: self.kind,
            scenario: self.scenario,
            attempt: Some(self.attempt),
            landed,
            evidence,
        }
    }
}

/// Connects to the instance through a proxy that injects the fault.
pub(crate) async fn intercept(path: ProxiedPath) -> Result<(Connection, Intercepted), WireError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(WireError::Connect)?;
    let address = listener.local_addr().map_err(WireError::Connect)?;
    let path_to = Target::loopback(address);
    let (opened, accepted) =
        tokio::join!(Connection::open(&path_to, path.timeout), listener.accept());
    let (client, _) = accepted.map_err(WireError::Connect)?;
    let proxy = Proxy {
        client,
        upstream: path.upstream,
        request_length: path.request_length,
        timeout: path.timeout,
    };
    let intercepted = Intercepted {
        attempt: path.attempt,
        scenario: path.scenario,
        kind: path.kind,
        task: tokio::spawn(proxy.run(path.fault)),
    };
    Ok((opened?, intercepted))
}

/// The proxy between the client and the instance.
struct Proxy {
    client: TcpStream,
    upstream: Target,
    request_length: usize,
    timeout: Duration,
}

impl Proxy {
    /// Injects `fault`; returns the evidence that it landed.
    async fn run(mut self, fault: Fault) -> Result<String, WireError> {
        match fault {
            Fault::None | Fault::Vanish { .. } => Ok(String::new()),
            Fault::CutRequest { permille } => self.cut_request(permille).await,
            Fault::LoseAnswer => self.cut_answer(None).await,
            Fault::CutAnswer { permille } => self.cut_answer(Some(permille)).await,
            Fault::Duplicate => self.duplicate().await,
            Fault::Late { after_ms } => self.late(Duration::from_millis(after_ms)).await,
        }
    }

    async fn cut_request(&mut self, permille: u32) -> Result<String, WireError> {
        let portion = portion(self.request_length, permille);
        let mut upstream = Connection::open(&self.upstream, self.timeout).await?;
        let bytes = self.read_request(portion).await?;
        upstream.send(&bytes).await?;
        // A server handles resets and graceful closes in different code paths.
        upstream.abandon(permille.is_multiple_of(2));
        Ok(format!(
            "{portion} of {} bytes reached the server",
            self.request_length
        ))
    }

    /// Without a `permille` the client receives nothing at all.
    async fn cut_answer(&mut self, permille: Option<u32>) -> Result<String, WireError> {
        let request = self.read_request(self.request_length).await?;
        let (status, answer) = self.exchange(&request).await?;
        let portion = permille.map_or(0, |permille| portion(answer.len(), permille));
        self.reply(&answer[..portion]).await;
        Ok(format!(
            "the server answered {status}, the client received {portion} of {} bytes",
            answer.len()
        ))
    }

    async fn duplicate(&mut self) -> Result<String, WireError> {
        let request = self.read_request(self.request_length).await?;
        let (one, other) = tokio::join!(self.exchange(&request), self.exchange(&request));
        let ((first, answer), (second, _)) = (one?, other?);
        self.reply(&answer).await;
        Ok(format!(
            "the server received the request twice and answered {first} and {second}"
        ))
    }

    async fn late(&mut self, after: Duration) -> Result<String, WireError> {
        let request = self.read_request(self.request_length).await?;
        tokio::time::sleep(after).await;
        let (status, _) = self.exchange(&request).await?;
        Ok(format!(
            "the request arrived {after:?} late and was answered {status}"
        ))
    }

    /// Reads the first `count` bytes of the request.
    async fn read_request(&mut self, count: usize) -> Result<Vec<u8>, WireError> {
        let mut bytes = vec![0; count];
        tokio::time::timeout(self.timeout, self.client.read_exact(&mut bytes))
            .await
            .map_err(|_| WireError::TimedOut(self.timeout))?
            .map_err(WireError::Receive)?;
        Ok(bytes)
    }

    /// Sends bytes to the client. The fault has landed even if the client has disconnected.
    async fn reply(&mut self, bytes: &[u8]) {
        let _ = self.client.write_all(bytes).await;
        let _ = self.client.shutdown().await;
    }

    /// Sends the request on a new connection; returns the status and all bytes of the answer.
    async fn exchange(&self, request: &[u8]) -> Result<(u16, Vec<u8>), WireError> {
        let mut upstream = Connection::open(&self.upstream, self.timeout).await?;
        upstream.send(request).await?;
        upstream.receive_bytes(self.timeout).await
    }
}

/// `permille` thousandths of `length`, never all of it.
fn portion(length: usize, permille: u32) -> usize {
    (length * permille as usize / 1000).min(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(2);

    /// Starts a server that answers once; the task returns how many bytes it received.
    async fn server() -> (SocketAddr, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 64];
            let mut count = 0;
            while count < 10 {
                match stream.read(&mut request).await {
                    Ok(0) | Err(_) => return count,
                    Ok(more) => count += more,
                }
            }
            let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            count
        });
        (address, task)
    }

    fn path(fault: Fault, upstream: SocketAddr) -> ProxiedPath {
        ProxiedPath {
            attempt: 1,
            scenario: Scenario::Cut,
            kind: fault.proxied().unwrap(),
            fault,
            upstream: Target::loopback(upstream),
            request_length: 10,
            timeout: TIMEOUT,
        }
    }

    /// Sends a request with `fault` on its path: the status the client received, the evidence, and
    /// the bytes the server received.
    async fn send_through(fault: Fault) -> (Result<u16, WireError>, FaultSeen, usize) {
        let (address, server) = server().await;
        let (mut connection, proxy) = intercept(path(fault, address)).await.unwrap();
        connection.send(b"0123456789").await.unwrap();
        let received = connection.receive(TIMEOUT).await;
        let seen = proxy.evidence(&Recorder::new(None)).await;
        (
            received.map(|(answer, _)| answer.status),
            seen,
            server.await.unwrap(),
        )
    }

    #[tokio::test]
    async fn a_cut_request_reaches_the_server_in_part() {
        let (received, seen, count) = send_through(Fault::CutRequest { permille: 501 }).await;
        assert!(received.is_err());
        assert!(seen.landed, "{}", seen.evidence);
        assert_eq!(count, 5);
    }

    #[tokio::test]
    async fn a_lost_answer_was_sent_by_the_server() {
        let (received, seen, count) = send_through(Fault::LoseAnswer).await;
        assert!(
            matches!(received, Err(WireError::Closed(0))),
            "{received:?}"
        );
        assert!(
            seen.landed && seen.evidence.contains("201"),
            "{}",
            seen.evidence
        );
        assert_eq!(count, 10);
    }

    #[tokio::test]
    async fn a_cut_answer_is_not_an_answer() {
        let (received, seen, _) = send_through(Fault::CutAnswer { permille: 999 }).await;
        assert!(
            matches!(received, Err(WireError::Closed(1..))),
            "{received:?}"
        );
        assert!(seen.landed);
    }

    #[tokio::test]
    async fn a_fault_without_a_server_has_not_landed() {
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let (mut connection, proxy) = intercept(path(Fault::LoseAnswer, free)).await.unwrap();
        connection.send(b"0123456789").await.unwrap();
        let seen = proxy.evidence(&Recorder::new(None)).await;
        assert!(!seen.landed, "{}", seen.evidence);
    }
}
