//! Tokens that nobody has.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use uuid::Uuid;

use super::{create_token, with_tokens};
use crate::harness::{Reply, on_both, order};

/// A token that was never created.
fn unknown() -> String {
    let (id, half) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple());
    format!("ord_{}_{half}{half}", &id[..12])
}

on_both! {
    async fn a_request_without_a_valid_token_is_401(app: &App with with_tokens()) {
        let token = create_token(&app.database, "acme", &[]);
        let missing = "a token is required: Authorization: Bearer TOKEN";
        let invalid = "the token is not valid";
        let changed = |from: &str, to: &str| format!("Bearer {}", token.replacen(from, to, 1));
        let last = token.chars().last().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        let mut wrong_secret = format!("Bearer {token}");
        wrong_secret.pop();
        wrong_secret.push(other);
        for (value, error) in [
            (None, missing),
            (Some(String::new()), missing),
            (Some("Bearer".to_owned()), missing),
            (Some(format!("Basic {token}")), missing),
            (Some(token.clone()), missing),
            (Some("Bearer ".to_owned()), missing),
            (Some("Bearer x".to_owned()), invalid),
            (Some(changed("ord_", "ord-")), invalid),
            (Some(wrong_secret), invalid),
            (Some(format!("Bearer {token}0")), invalid),
            (Some(format!("Bearer {}", unknown())), invalid),
        ] {
            for accept in ["application/json", "application/problem+json"] {
                let mut request = app.client.post(order("tea", 2)).header("accept", accept);
                request = request.header("idempotency-key", "key");
                if let Some(value) = &value {
                    request = request.header("authorization", value);
                }
                let reply = Reply::to(request).await.expect(401);
                assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
                assert_eq!(reply.header("content-type"), Some(accept));
                let body = reply.json();
                assert_eq!(body["code"], "UNAUTHENTICATED");
                let text = body.get("error").or(body.get("detail")).unwrap();
                let expected = if error == missing { [missing, invalid] } else { [invalid; 2] };
                assert!(expected.contains(&text.as_str().unwrap()), "{value:?}: {text}");
            }
        }
        for path in ["/orders", "/orders/00000000-0000-7000-8000-000000000000", "/idempotency-keys/key"] {
            app.client.get(path).await.expect_error(401, missing);
        }
        let twice = app.client.with_token(&token).post(order("tea", 2));
        let twice = twice.header("authorization", format!("Bearer {}", unknown()));
        Reply::to(twice.header("idempotency-key", "key")).await;
        assert_eq!(app.database.orders().await, 0, "an order without a valid token");
        // The scheme is not case-sensitive.
        for scheme in ["bearer", "BEARER"] {
            let request = app.client.request(reqwest::Method::GET, "/orders");
            Reply::to(request.header("authorization", format!("{scheme} {token}"))).await.expect(200);
        }
    }
}

on_both! {
    async fn what_describes_the_service_is_open(app: &App with with_tokens()) {
        for path in ["/health", "/livez", "/docs", "/openapi.json", "/openapi.yaml"] {
            app.client.get(path).await.expect(200);
        }
        app.client.get("/").await.expect(302);
        app.client.get("/nowhere").await.expect(404);
    }
}

on_both! {
    async fn unknown_tokens_do_not_flood_the_database(app: &App with with_tokens()) {
        let token = create_token(&app.database, "acme", &[]);
        let known = app.client.with_token(&token);
        known.get("/orders").await.expect(200);
        let (mut refused, mut limited) = (0, 0);
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            let replies = (0..100).map(|_| {
                let request = app.client.request(reqwest::Method::GET, "/orders");
                Reply::to(request.header("authorization", format!("Bearer {}", unknown())))
            });
            for reply in join_all(replies).await {
                match reply.status {
                    401 => refused += 1,
                    429 => {
                        assert_eq!(reply.json()["code"], "UNKNOWN_TOKENS");
                        assert_eq!(reply.header("retry-after"), Some("1"));
                        limited += 1;
                    }
                    status => panic!("{status}"),
                }
            }
            // A token that is in use does not notice, also when its row is read again.
            known.get("/orders").await.expect(200);
        }
        let seconds = started.elapsed().as_secs() + 1;
        // At most 100 a second, and one in flight on each of two connections.
        assert!(refused <= seconds * 102, "{refused} tokens were looked up in {seconds} s");
        assert!(refused > 0 && limited > 0, "{refused} looked up, {limited} refused");
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let new = create_token(&app.database, "zeta", &[]);
        app.client.with_token(&new).get("/orders").await.expect(200);
    }
}
