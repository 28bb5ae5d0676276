//! The main cases of the contract, byte for byte. `wire` has all of them.

use crate::harness::{on_both, order};

on_both! {
    async fn an_order_is_placed_once_and_replayed(app: &App) {
        let body = order("tea", 2);
        let first = app.client.place("key", &body).await.expect(201);
        let id = first.id();
        assert_eq!(first.text(), format!(r#"{{"id":"{id}","item":"tea","quantity":2}}"#));
        assert_eq!(first.header("content-type"), Some("application/json"));
        assert_eq!(first.header("location"), Some(&*format!("/orders/{id}")));
        assert!(!first.headers.contains_key("idempotent-replayed"));
        for _ in 0..3 {
            let replay = app.client.place("key", &body).await.expect(200);
            assert!(replay.is_replay());
            assert_eq!(replay.body, first.body);
            assert_eq!(replay.header("content-type"), first.header("content-type"));
            assert_eq!(replay.header("location"), first.header("location"));
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn another_payload_under_a_key_is_refused_and_changes_nothing(app: &App) {
        let first = app.client.place("key", order("tea", 2)).await.expect(201);
        for other in [order("tea", 3), order("coffee", 2), order("coffee", 3)] {
            let refused = app.client.place("key", other).await.expect(409);
            assert_eq!(
                refused.text(),
                r#"{"error":"Idempotency key reused with different request","code":"IDEMPOTENCY_KEY_REUSED"}"#
            );
            // A retry cannot succeed.
            assert_eq!(refused.header("retry-after"), None);
            let replay = app.client.place("key", order("tea", 2)).await.expect(200);
            assert_eq!(replay.body, first.body);
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn a_running_service_is_healthy(app: &App) {
        let health = app.client.get("/health").await.expect(200);
        assert_eq!(health.text(), r#"{"status":"ok"}"#);
        assert_eq!(health.header("content-type"), Some("application/json"));
    }
}
