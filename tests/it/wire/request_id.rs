//! The request id, which every response has.

use std::collections::HashSet;

use reqwest::Method;

use crate::harness::{Reply, on_both, order};

const REQUEST_ID: &str = "x-request-id";

on_both! {
    async fn the_request_id_of_the_client_is_returned(app: &App) {
        let longest = "r".repeat(128);
        for id in ["7f9c", "a/b:c=d;e", &longest] {
            for (method, path, status) in [
                (Method::GET, "/health", 200),
                (Method::GET, "/docs", 200),
                (Method::GET, "/nowhere", 404),
                (Method::DELETE, "/orders", 405),
                (Method::POST, "/orders", 400),
                (Method::GET, "/orders?limit=0", 400),
            ] {
                let request = app.client.request(method, path).header(REQUEST_ID, id);
                let reply = Reply::to(request).await.expect(status);
                assert_eq!(reply.header(REQUEST_ID), Some(id), "{path}");
            }
        }
    }
}

on_both! {
    async fn a_missing_or_invalid_request_id_is_replaced(app: &App) {
        let too_long = [b'r'; 129];
        let mut seen = HashSet::new();
        for given in [None, Some(&b""[..]), Some(b"a b"), Some(b"a\tb"), Some(b"\xff"), Some(&too_long)] {
            for path in ["/health", "/nowhere"] {
                let mut request = app.client.request(Method::GET, path);
                if let Some(given) = given {
                    request = request.header(REQUEST_ID, given);
                }
                let reply = Reply::to(request).await;
                let id = reply.header(REQUEST_ID).unwrap().to_owned();
                uuid::Uuid::parse_str(&id).unwrap();
                assert!(seen.insert(id), "two requests have the same id");
            }
        }
    }
}

on_both! {
    async fn a_replay_has_a_request_id_of_its_own(app: &App) {
        let first = app.client.place("key", order("tea", 2)).await.expect(201);
        let replay = app.client.place("key", order("tea", 2)).await.expect(200);
        assert_ne!(first.header(REQUEST_ID), replay.header(REQUEST_ID));
    }
}
