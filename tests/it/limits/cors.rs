//! Requests of web pages from other origins.

use reqwest::Method;

use crate::harness::{Process, Reply, on_sqlite, order};

const SHOP: &str = "https://shop.example";

/// What a browser asks before it sends an order from a page.
async fn preflight(server: &Process, origin: &str) -> Reply {
    let request = server.client.request(Method::OPTIONS, "/orders");
    let request = request
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "content-type,idempotency-key",
        );
    Reply::to(request).await
}

async fn place(server: &Process, origin: &str) -> Reply {
    let request = server.client.post(order("tea", 2));
    Reply::to(
        request
            .header("idempotency-key", "key")
            .header("origin", origin),
    )
    .await
}

on_sqlite! {
    async fn no_origin_is_allowed_by_default(database: &TestDatabase) {
        let server = Process::serve(database);
        let reply = preflight(&server, SHOP).await.expect(405);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        let reply = place(&server, SHOP).await.expect(201);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        server.stop();
    }
}

on_sqlite! {
    async fn a_listed_origin_may_place_orders_and_another_may_not(database: &TestDatabase) {
        let origins = ["--cors-origin", "https://shop.example,http://localhost:8080"];
        let server = Process::serve_with(database, &origins);
        for origin in [SHOP, "http://localhost:8080"] {
            let reply = preflight(&server, origin).await.expect(204);
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            let headers = reply.header("access-control-allow-headers").unwrap().to_lowercase();
            assert!(headers.contains("idempotency-key") && headers.contains("content-type"));
            assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"));
            let reply = place(&server, origin).await.expect_order();
            assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
            let exposed = reply.header("access-control-expose-headers").unwrap();
            assert!(exposed.contains("Idempotent-Replayed"), "{exposed}");
            assert_eq!(reply.header("vary"), Some("Origin"));
        }
        // A page must be able to read why it is refused.
        let request = server.client.post("{}").header("origin", SHOP);
        let refused = Reply::to(request).await.expect(400);
        assert_eq!(refused.header("access-control-allow-origin"), Some(SHOP));

        let other = "https://shop.example.attacker.example";
        let reply = preflight(&server, other).await.expect(405);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        let reply = place(&server, other).await.expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), None);
        server.stop();
    }
}

on_sqlite! {
    async fn every_origin_can_be_allowed(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--cors-origin", "*"]);
        let reply = preflight(&server, "https://any.example").await.expect(204);
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        server.stop();
    }
}
