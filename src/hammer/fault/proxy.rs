//! A TCP proxy for one connection, whose plan was made by the workload.
//!
//! Each faulty attempt gets a listener of its own, so that there is no doubt which plan belongs
//! to which connection.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::hammer::history::{FaultSeen, Recorder};
use crate::hammer::wire::{Connection, WireError};
use crate::hammer::workload::Fault;

/// A connection with a proxy in the middle, which will say what it did.
pub(crate) struct Intercepted {
    attempt: u64,
    scenario: String,
    fault: Fault,
    task: JoinHandle<Result<String, WireError>>,
}

impl Intercepted {
    /// Waits for the proxy to be done; its patience is bounded.
    pub(crate) async fn evidence(self, recorder: &Recorder) -> FaultSeen {
        let (landed, evidence) = match self.task.await {
            Ok(Ok(evidence)) => (true, evidence),
            Ok(Err(error)) => (false, error.to_string()),
            Err(error) => (false, error.to_string()),
        };
        FaultSeen {
            t: recorder.now(),
            fault: name(self.fault).to_owned(),
            scenario: self.scenario,
            attempt: Some(self.attempt),
            landed,
            evidence,
        }
    }
}

/// Whether a fault needs the proxy.
pub(crate) fn needs_proxy(fault: Fault) -> bool {
    !matches!(fault, Fault::None | Fault::Vanish { .. })
}

/// Its name in history and reports.
pub(crate) fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::None => "none",
        Fault::Vanish { .. } => "vanish",
        Fault::CutRequest { .. } => "cut_request",
        Fault::LoseAnswer => "lose_answer",
        Fault::CutAnswer { .. } => "cut_answer",
        Fault::Duplicate => "duplicate",
        Fault::Late { .. } => "late",
    }
}

/// Connects to `upstream` through a proxy that knows `fault` and the `length` of the request.
pub(crate) async fn intercept(
    attempt: u64,
    scenario: &str,
    upstream: SocketAddr,
    fault: Fault,
    length: usize,
    patience: Duration,
) -> Result<(Connection, Intercepted), WireError> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(WireError::Connect)?;
    let address = listener.local_addr().map_err(WireError::Connect)?;
    let (opened, accepted) = tokio::join!(Connection::open(address, patience), listener.accept());
    let (client, _) = accepted.map_err(WireError::Connect)?;
    let line = Line {
        client,
        upstream,
        length,
        patience,
    };
    let intercepted = Intercepted {
        attempt,
        scenario: scenario.to_owned(),
        fault,
        task: tokio::spawn(line.run(fault)),
    };
    Ok((opened?, intercepted))
}

/// The proxy's two ends.
struct Line {
    client: TcpStream,
    upstream: SocketAddr,
    length: usize,
    patience: Duration,
}

impl Line {
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
        let portion = share(self.length, permille);
        let mut upstream = Connection::open(self.upstream, self.patience).await?;
        let bytes = self.take(portion).await?;
        upstream.send(&bytes).await?;
        // Resets and polite ends take different ways through a server.
        upstream.abandon(permille.is_multiple_of(2));
        Ok(format!(
            "{portion} of {} bytes reached the server",
            self.length
        ))
    }

    /// Without a `permille` the client sees nothing at all.
    async fn cut_answer(&mut self, permille: Option<u32>) -> Result<String, WireError> {
        let request = self.take(self.length).await?;
        let (status, answer) = self.ask(&request).await?;
        let portion = permille.map_or(0, |permille| share(answer.len(), permille));
        self.give(&answer[..portion]).await;
        Ok(format!(
            "the server answered {status}, the client saw {portion} of {} bytes",
            answer.len()
        ))
    }

    async fn duplicate(&mut self) -> Result<String, WireError> {
        let request = self.take(self.length).await?;
        let (one, other) = tokio::join!(self.ask(&request), self.ask(&request));
        let ((first, answer), (second, _)) = (one?, other?);
        self.give(&answer).await;
        Ok(format!(
            "the server saw the request twice and answered {first} and {second}"
        ))
    }

    async fn late(&mut self, after: Duration) -> Result<String, WireError> {
        let request = self.take(self.length).await?;
        tokio::time::sleep(after).await;
        let (status, _) = self.ask(&request).await?;
        Ok(format!(
            "the request arrived {after:?} late and was answered {status}"
        ))
    }

    /// The first `count` bytes of the request.
    async fn take(&mut self, count: usize) -> Result<Vec<u8>, WireError> {
        let mut bytes = vec![0; count];
        tokio::time::timeout(self.patience, self.client.read_exact(&mut bytes))
            .await
            .map_err(|_| WireError::TimedOut(self.patience))?
            .map_err(WireError::Receive)?;
        Ok(bytes)
    }

    /// Hands bytes to the client, who may be gone; that is no failure of the fault.
    async fn give(&mut self, bytes: &[u8]) {
        let _ = self.client.write_all(bytes).await;
        let _ = self.client.shutdown().await;
    }

    /// Sends the request on a new connection; the status and all bytes of the answer.
    async fn ask(&self, request: &[u8]) -> Result<(u16, Vec<u8>), WireError> {
        let mut upstream = Connection::open(self.upstream, self.patience).await?;
        upstream.send(request).await?;
        upstream.receive_bytes(self.patience).await
    }
}

/// `permille` thousandths of `length`, never all of it.
fn share(length: usize, permille: u32) -> usize {
    (length * permille as usize / 1000).min(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server of one answer, and what it was sent.
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

    async fn through(fault: Fault) -> (Result<u16, WireError>, FaultSeen, usize) {
        let (address, server) = server().await;
        let patience = Duration::from_secs(2);
        let (mut connection, proxy) = intercept(1, "cut", address, fault, 10, patience)
            .await
            .unwrap();
        connection.send(b"0123456789").await.unwrap();
        let received = connection.receive(patience).await;
        let seen = proxy.evidence(&Recorder::new(None)).await;
        (
            received.map(|(answer, _)| answer.status),
            seen,
            server.await.unwrap(),
        )
    }

    #[tokio::test]
    async fn a_cut_request_reaches_the_server_in_part() {
        let (received, seen, count) = through(Fault::CutRequest { permille: 501 }).await;
        assert!(received.is_err());
        assert!(seen.landed, "{}", seen.evidence);
        assert_eq!(count, 5);
    }

    #[tokio::test]
    async fn a_lost_answer_was_given() {
        let (received, seen, count) = through(Fault::LoseAnswer).await;
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
    async fn a_cut_answer_is_no_answer() {
        let (received, seen, _) = through(Fault::CutAnswer { permille: 999 }).await;
        assert!(
            matches!(received, Err(WireError::Closed(1..))),
            "{received:?}"
        );
        assert!(seen.landed);
    }

    #[tokio::test]
    async fn a_fault_that_meets_no_server_has_not_landed() {
        let patience = Duration::from_secs(2);
        let free = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();
        let (mut connection, proxy) = intercept(1, "cut", free, Fault::LoseAnswer, 10, patience)
            .await
            .unwrap();
        connection.send(b"0123456789").await.unwrap();
        let seen = proxy.evidence(&Recorder::new(None)).await;
        assert!(!seen.landed, "{}", seen.evidence);
    }
}
