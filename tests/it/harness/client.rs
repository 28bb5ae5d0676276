//! An HTTP client that shares no code with the product.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

use super::document::assert_described;

/// A client of one instance, with a connection pool. It never retries and follows no redirect.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

/// A complete response.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The body of a request for an order.
pub(crate) fn order(item: &str, quantity: i64) -> String {
    serde_json::json!({ "item": item, "quantity": quantity }).to_string()
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::with_headers(address, HeaderMap::new())
    }

    /// A client of the same instance that sends this header with every request.
    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let headers = [(HeaderName::from_static(name), value.try_into().unwrap())];
        Self::with_headers(self.address, headers.into_iter().collect())
    }

    /// A client of the same instance with a token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The same client at the instance of another one.
    pub(crate) fn at(self, other: &Self) -> Self {
        let address = other.address;
        Self { address, ..self }
    }

    fn with_headers(address: SocketAddr, headers: HeaderMap) -> Self {
        // reqwest needs a provider even where nothing is encrypted. An error: there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .unwrap();
        Self { address, http }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("http://{}{path}", self.address))
    }

    /// `POST /orders` with a JSON body and no key.
    pub(crate) fn post(&self, body: impl Into<String>) -> RequestBuilder {
        self.request(Method::POST, "/orders")
            .header("content-type", "application/json")
            .body(body.into())
    }

    /// `POST /orders` with a key.
    pub(crate) async fn place(&self, key: &str, body: impl Into<String>) -> Reply {
        Reply::to(self.post(body).header("idempotency-key", key)).await
    }

    /// Places an order, and retries a 503 with the same key.
    pub(crate) async fn place_with_retries(&self, key: &str, body: &str) -> Reply {
        for _ in 0..100 {
            let reply = self.place(key, body).await;
            if reply.status != 503 {
                return reply;
            }
            assert_eq!(reply.header("retry-after"), Some("1"));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{key} is still answered 503 after 100 attempts");
    }

    /// [`Client::place`], or `None` if the connection is lost before the response.
    pub(crate) async fn try_place(&self, key: &str, body: impl Into<String>) -> Option<Reply> {
        let request = self.post(body).header("idempotency-key", key);
        Reply::try_to(request).await.ok()
    }

    /// [`Client::place`] in a task of its own.
    pub(crate) fn spawn_place(&self, key: &str, body: impl Into<String>) -> JoinHandle<Reply> {
        let (client, key, body) = (self.clone(), key.to_owned(), body.into());
        tokio::spawn(async move { client.place(&key, body).await })
    }

    /// Places an order for each key, all from one barrier. The replies are in the order of the
    /// keys.
    pub(crate) async fn place_all(
        &self,
        keys: impl IntoIterator<Item = impl Into<String>>,
        body: &str,
    ) -> Vec<Reply> {
        let keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        let start = Arc::new(Barrier::new(keys.len()));
        let placing = keys.into_iter().map(|key| {
            let (client, body, start) = (self.clone(), body.to_owned(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                client.place(&key, body).await
            })
        });
        try_join_all(placing).await.unwrap()
    }

    /// `POST /orders` with these header lines, in this order.
    pub(crate) async fn send(&self, lines: &[(&str, &[u8])], body: impl Into<String>) -> Reply {
        let request = self.request(Method::POST, "/orders").body(body.into());
        let request = lines.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        Reply::to(request).await
    }

    /// Sends the same request `count` times from one barrier.
    pub(crate) async fn burst(&self, count: usize, key: &str, body: &str) -> Vec<Reply> {
        self.place_all(std::iter::repeat_n(key, count), body).await
    }

    /// `POST` without a body.
    pub(crate) async fn post_to(&self, path: &str) -> Reply {
        Reply::to(self.request(Method::POST, path)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request(Method::GET, path)).await
    }
}

impl Reply {
    /// Sends a request. It must be answered.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).await.unwrap()
    }

    /// Sends a request. The connection may be lost before the response.
    pub(crate) async fn try_to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await?;
        let reply = Self {
            status,
            headers,
            body,
        };
        let id = reply.header("x-request-id");
        assert!(id.is_some(), "every response has a request id");
        assert_described(&method, &path, &reply);
        Ok(reply)
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// A 201, or the 200 that replays it.
    #[track_caller]
    pub(crate) fn expect_order(self) -> Self {
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        assert_eq!(self.is_replay(), self.status == 200, "{self:?}");
        self
    }

    /// The body of a refusal: JSON with `error` and `code`, exactly. Only a missing key has no code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, error: &str) -> Self {
        let reply = self.expect(status);
        let mut body = serde_json::json!({ "error": error });
        if error != "Idempotency-Key header is required" {
            body["code"] = reply.json()["code"].clone();
            assert!(body["code"].is_string(), "{}", reply.text());
        }
        assert_eq!(reply.text(), body.to_string());
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert_eq!(reply.header("idempotent-replayed"), None);
        assert_eq!(reply.header("location"), None);
        reply
    }

    /// The id of the order in the body.
    #[track_caller]
    pub(crate) fn id(&self) -> String {
        let id = self.json()["id"].as_str().map(str::to_owned);
        id.unwrap_or_else(|| panic!("not an order: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}
