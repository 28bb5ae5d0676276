//! `GET /idempotency-keys/{key}`

use serde_json::Value;

use super::{cleanup, without_cache};
use crate::harness::{App, on_both, order};

/// What the service knows of a key, given as in a path.
async fn look_up(app: &App, key: &str) -> Value {
    let path = format!("/idempotency-keys/{key}");
    app.client.get(&path).await.expect(200).json()
}

async fn assert_unknown(app: &App, key: &str) {
    let unknown = app.client.get(&format!("/idempotency-keys/{key}")).await;
    let unknown = unknown.expect_error(404, "no order was placed with this idempotency key");
    assert_eq!(unknown.json()["code"], "IDEMPOTENCY_KEY_UNKNOWN");
}

on_both! {
    async fn a_key_is_looked_up_until_it_is_forgotten(app: &App with without_cache()) {
        assert_unknown(app, "key").await;
        // Nothing was stored by the question.
        assert_eq!(app.database.keys().await, (0, 0));
        let id = app.client.place("key", order("tea", 1)).await.expect(201).id();
        let found = look_up(app, "key").await;
        assert_eq!(found["key"], "key");
        assert_eq!(found["order"], id);
        assert_eq!(found["expired"], false);
        let time = |found: &Value, name: &str| {
            humantime::parse_rfc3339(found[name].as_str().unwrap()).unwrap()
        };
        let kept = time(&found, "expires").duration_since(time(&found, "created"));
        assert_eq!(kept.unwrap().as_secs(), 24 * 60 * 60);

        app.database.age_keys(25).await;
        // Still stored, so a retry would still be replayed.
        assert_eq!(look_up(app, "key").await["expired"], false);
        assert_eq!(cleanup(&app.client).await, 1);
        let expired = look_up(app, "key").await;
        assert_eq!(expired["order"], id);
        assert_eq!(expired["expired"], true);
        assert_ne!(expired["created"], found["created"]);

        app.database.age_keys(24 * 30).await;
        cleanup(&app.client).await;
        assert_unknown(app, "key").await;
        app.database.delete_orders_without_key().await;
    }
}

on_both! {
    async fn any_key_can_be_looked_up(app: &App) {
        for (key, in_path) in [
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("100%", "100%25"),
            ("~!@$&'()*+,;=:.", "~!@$&'()*+,;=:."),
            (r#"a"b"#, "a%22b"),
        ] {
            let id = app.client.place(key, order("tea", 1)).await.expect(201).id();
            let found = look_up(app, in_path).await;
            assert_eq!(found["key"], key);
            assert_eq!(found["order"], id, "{key}");
        }
        for no_key in ["%20", "%C3%A9", "a%00b", &"x".repeat(256)] {
            assert_unknown(app, no_key).await;
        }
    }
}
