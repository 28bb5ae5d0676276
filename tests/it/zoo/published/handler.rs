//! HTTP around a design: routes, validation, and 500 for every error of the database.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::database::Pool;
use super::designs::{Call, Design};

type Reply = (u16, String);

/// Serves a design on `port` of loopback, or on a free one.
pub(super) async fn listen(
    design: &'static Design,
    database: &str,
    port: u16,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let pool = Arc::new(Pool::new(database));
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = stream.set_nodelay(true);
            let pool = Arc::clone(&pool);
            let service = service_fn(move |request| {
                let pool = Arc::clone(&pool);
                async move { Ok::<_, Infallible>(respond(design, pool, request).await) }
            });
            tokio::spawn(async move {
                // Clients may end a connection in any way.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (address, task)
}

/// Serves a design until the process is killed.
pub(in crate::zoo) fn serve(design: &'static Design, database: &str, port: u16) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let (_, task) = listen(design, database, port).await;
        task.await.unwrap();
    });
}

async fn respond(
    design: &'static Design,
    pool: Arc<Pool>,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (status, body) = if method == "GET" && path == design.list {
        list(design, &pool).await
    } else if method == "POST" && path == design.path {
        match call(design, request).await {
            // A disconnect does not cancel the work.
            Ok(call) => tokio::spawn(place(design, pool, call)).await.unwrap(),
            Err(why) => (400, format!(r#"{{"error":"{why}"}}"#)),
        }
    } else {
        (404, r#"{"error":"not found"}"#.to_owned())
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().unwrap();
    response
}

async fn place(design: &'static Design, pool: Arc<Pool>, call: Call) -> Reply {
    let work = async |session: &super::database::Session| {
        let reply = (design.place)(design, session, &call).await;
        if reply.is_err() {
            let _ = session.control("ROLLBACK").await;
        }
        let failed = |_| (500, r#"{"error":"internal server error"}"#.to_owned());
        reply.unwrap_or_else(failed)
    };
    pool.with(work).await
}

async fn call(design: &Design, request: Request<Incoming>) -> Result<Call, &'static str> {
    let key = request.headers().get(design.key_header).ok_or("no key")?;
    let key = key.to_str().map_err(|_| "the key is not text")?.to_owned();
    if key.is_empty() {
        return Err("no key");
    }
    let body = request.into_body().collect().await.map_err(|_| "no body")?;
    let body: Value = serde_json::from_slice(&body.to_bytes()).map_err(|_| "not JSON")?;
    let marker = body
        .pointer(design.marker)
        .and_then(Value::as_str)
        .ok_or("no text")?;
    let number = match design.number {
        Some(pointer) => body
            .pointer(pointer)
            .and_then(Value::as_f64)
            .ok_or("no number")?,
        None => 0.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    let number = number as i64;
    Ok(Call {
        key,
        hash: format!("{marker} {number}"),
        marker: marker.to_owned(),
        number,
    })
}

async fn list(design: &Design, pool: &Pool) -> Reply {
    let rows = pool
        .with(async |session| {
            let rows = session
                .rows("SELECT id, marker FROM orders ORDER BY id", Vec::new())
                .await;
            let rows = rows.unwrap();
            let row = |row: &sea_orm::QueryResult| {
                (
                    row.try_get("", "id").unwrap(),
                    row.try_get("", "marker").unwrap(),
                )
            };
            rows.iter().map(row).collect()
        })
        .await;
    (200, (design.write_list)(rows).to_string())
}
