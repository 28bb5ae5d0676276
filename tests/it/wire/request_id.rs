//! The request id, which every response has.

use std::collections::HashSet;

use reqwest::Method;

use crate::harness::{App, Reply, on_both, order};

const REQUEST_ID: &str = "x-request-id";
const ORIGINAL: &str = "idempotent-original-request-id";

/// Places an order for two teas under this request id.
async fn place(app: &App, key: &str, id: &str) -> Reply {
    let request = app
        .client
        .post(order("tea", 2))
        .header("idempotency-key", key);
    Reply::to(request.header(REQUEST_ID, id)).await
}

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

on_both! {
    async fn a_replay_names_the_request_that_it_repeats(app: &App) {
        let longest = "r".repeat(128);
        for id in ["the-first", &longest] {
            let first = place(app, id, id).await.expect(201);
            assert_eq!(first.header(ORIGINAL), None);
            for _from_the_database_and_from_memory in 0..2 {
                let replay = place(app, id, "a-later-one").await.expect(200);
                assert_eq!(replay.header(ORIGINAL), Some(id));
                assert_eq!(replay.header(REQUEST_ID), Some("a-later-one"));
                assert_eq!(replay.body, first.body);
            }
        }
        let first = app.client.place("no-id", order("tea", 2)).await.expect(201);
        let replay = app.client.place("no-id", order("tea", 2)).await.expect(200);
        assert_eq!(replay.header(ORIGINAL), first.header(REQUEST_ID));
        let reused = app.client.place("no-id", order("tea", 3)).await.expect(409);
        assert_eq!(reused.header(ORIGINAL), None);
    }
}

on_both! {
    async fn of_racing_requests_all_name_the_one_that_was_executed(app: &App) {
        let replies = app.client.burst(32, "key", &order("tea", 2)).await;
        let first = replies.iter().find(|reply| reply.status == 201).unwrap();
        for replay in replies.iter().filter(|reply| reply.status == 200) {
            assert_eq!(replay.header(ORIGINAL), first.header(REQUEST_ID));
        }
    }
}

on_both! {
    /// A row of a former release has no request id, and one that a header cannot carry is left out.
    async fn a_replay_without_a_known_request_names_none(app: &App) {
        for (key, id) in [("former", "NULL"), ("damaged", "'a b'")] {
            place(app, key, "the-first").await.expect(201);
            let change = format!("UPDATE idempotency_keys SET request_id = {id} WHERE key = '{key}'");
            app.database.execute(&change).await;
            let replay = place(app, key, "a-later-one").await.expect(200);
            assert_eq!(replay.header(ORIGINAL), None);
        }
    }
}
