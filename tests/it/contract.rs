//! The contract, word for word.

use crate::harness::{on_both, order};

on_both! {
    async fn an_order_is_placed_once_and_replayed(app: &App) {
        let body = order("tea", 2);
        let first = app.client.place("key", &body).await.expect(201);
        let id = first.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(first.text(), format!(r#"{{"id":"{id}","item":"tea","quantity":2}}"#));
        assert_eq!(first.header("location"), Some(&*format!("/orders/{id}")));
        assert!(!first.headers.contains_key("idempotent-replayed"));
        for _ in 0..3 {
            let replay = app.client.place("key", &body).await.expect(200);
            assert!(replay.is_replay());
            assert_eq!(replay.body, first.body);
            assert_eq!(replay.header("location"), first.header("location"));
        }
        assert_eq!(app.database.orders().await, 1);
    }
}
