//! Targets that cannot be judged: the verdict is *unknown*, with a reason, and soon.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{hammer, text};

/// The longest took 12 seconds, on two cores.
const SOON: Duration = Duration::from_secs(30);

/// Starts a listener that handles every connection with `serve`; returns its URL.
async fn server<F: Future<Output = ()> + Send + 'static>(serve: fn(TcpStream) -> F) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// Runs without an oracle, so that the first order shows what the target is like.
async fn expect_unknown(url: &str, reason: &str) {
    expect_unknown_with(url, &["--oracle", "none"], reason).await;
    expect_refused(url, "cannot read the stored orders through --oracle api").await;
}

async fn expect_unknown_with(url: &str, oracle: &[&str], reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&["--quick", "--url", url], oracle].concat();
    let output = tokio::time::timeout(SOON, hammer(folder.path(), &arguments)).await;
    let output = output.expect("a verdict comes soon");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("UNKNOWN"), "{said}");
    assert!(said.contains(reason), "{said}");
}

/// The oracle cannot be read, so there is no run.
async fn expect_refused(url: &str, reason: &str) {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--quick", "--url", url];
    let output = tokio::time::timeout(SOON, hammer(folder.path(), &arguments)).await;
    let output = output.expect("a refusal comes soon");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(reason), "{said}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[tokio::test]
async fn the_target_does_not_listen() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let reason = format!("no connection to {url}, is the service running?");
    expect_refused(&url, &reason).await;
}

#[tokio::test]
async fn the_target_never_answers() {
    let url = server(|mut stream| async move {
        let mut bytes = [0; 1024];
        while stream.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    });
    expect_unknown(&url.await, "no usable answer from").await;
}

#[tokio::test]
async fn the_target_closes_every_connection() {
    let url = server(|stream| async move { drop(stream) });
    expect_unknown(&url.await, "no usable answer from").await;
}

#[tokio::test]
async fn the_target_does_not_speak_http() {
    let url = server(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    expect_unknown(&url.await, "no usable answer from").await;
}

#[tokio::test]
async fn the_target_does_not_take_orders() {
    let url = server(|stream| async move {
        let answer = service_fn(|_| async {
            let mut page = hyper::Response::new(Full::new(Bytes::from("<h1>It works!</h1>")));
            *page.status_mut() = hyper::StatusCode::NOT_FOUND;
            Ok::<_, Infallible>(page)
        });
        let io = hyper_util::rt::TokioIo::new(stream);
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(io, answer)
            .await;
    });
    expect_unknown(&url.await, "does not speak the contract").await;
}

#[tokio::test]
async fn the_target_stops_answering_during_the_run() {
    let answered = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let server = crate::zoo::ZooServer::open(crate::zoo::named("wait-and-replay"));
    let upstream = server.urls()[0].replace("http://", "");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // A proxy that hangs after four hundred reads from the server.
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let (answered, upstream) = (answered.clone(), upstream.clone());
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await.unwrap();
                let (mut from, mut to) = (vec![0; 65536], vec![0; 65536]);
                loop {
                    tokio::select! {
                        Ok(count) = client.read(&mut from) => {
                            if count == 0 { return; }
                            let _ = server.write_all(&from[..count]).await;
                        }
                        Ok(count) = server.read(&mut to) => {
                            if count == 0 { return; }
                            if answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 400 {
                                std::future::pending::<()>().await;
                            }
                            let _ = client.write_all(&to[..count]).await;
                        }
                        else => return,
                    }
                }
            });
        }
    });
    expect_unknown_with(&url, &[], "stopped taking orders").await;
}

#[tokio::test]
async fn the_target_is_not_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let output = hammer(folder.path(), &["--quick", "--url", "http://192.0.2.1"]).await;
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--allow-remote"), "{said}");
}

#[tokio::test]
async fn a_requested_scenario_cannot_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let running = ["--url", "http://127.0.0.1:9"];
    for (service, scenario, why) in [
        (
            &running[..],
            "kill",
            "kill: needs instances that the hammer starts: pass --spawn, or omit --url",
        ),
        (&running, "across", "across: needs several instances"),
        (
            &["--instances", "1"],
            "across",
            "across: needs several instances",
        ),
        (&["--quick"], "pause", "pause: not part of --quick"),
    ] {
        let arguments = [service, &["--scenario", scenario]].concat();
        let output = hammer(folder.path(), &arguments).await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}
