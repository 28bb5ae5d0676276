//! Paths and methods.

use reqwest::Method;

use crate::harness::{Reply, on_both, order};

/// Every path with its methods (RFC 9110 §10.2.1).
const PATHS: [(&str, &[&str]); 8] = [
    ("/", &["GET", "HEAD"]),
    ("/docs", &["GET", "HEAD"]),
    ("/docs/", &["GET", "HEAD"]),
    ("/openapi.json", &["GET", "HEAD"]),
    ("/openapi.yaml", &["GET", "HEAD"]),
    ("/health", &["GET", "HEAD"]),
    ("/orders", &["POST", "GET", "HEAD"]),
    (
        "/orders/01935a3c-7e00-7000-8000-00c0ffee0001",
        &["GET", "HEAD"],
    ),
];

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

on_both! {
    async fn an_unsupported_method_is_refused_with_the_allowed_ones(app: &App) {
        for (path, allowed) in PATHS {
            for name in METHODS {
                let method = Method::from_bytes(name.as_bytes()).unwrap();
                let reply = Reply::to(app.client.request(method, path)).await;
                if allowed.contains(&name) {
                    assert_ne!(reply.status, 405, "{name} {path}");
                    assert_eq!(reply.header("allow"), None);
                } else {
                    let refused = reply.expect_error(405, "method not allowed");
                    let mut names: Vec<_> = refused.header("allow").unwrap().split(", ").collect();
                    let mut allowed = allowed.to_vec();
                    names.sort_unstable();
                    allowed.sort_unstable();
                    assert_eq!(names, allowed, "{name} {path}");
                }
            }
        }
    }
}

on_both! {
    async fn an_unknown_path_is_not_found_for_any_method(app: &App) {
        for path in [
            "/nowhere", "/order", "/orders/", "/Orders", "/orders/a/b", "/health/x", "/docs/x", "/openapi.yml",
            "/%00", "/..%2f", "/favicon.ico",
        ] {
            for name in ["GET", "POST", "DELETE", "OPTIONS"] {
                let method = Method::from_bytes(name.as_bytes()).unwrap();
                let refused = Reply::to(app.client.request(method, path)).await;
                let refused = refused.expect_error(404, "not found");
                assert_eq!(refused.header("allow"), None);
            }
            let head = Reply::to(app.client.request(Method::HEAD, path)).await.expect(404);
            assert!(head.body.is_empty());
        }
    }
}

on_both! {
    async fn head_is_get_without_the_body(app: &App) {
        let placed = app.client.place("key", order("tea", 2)).await.expect(201);
        let order = placed.header("location").unwrap();
        for path in ["/", "/docs", "/openapi.json", "/openapi.yaml", "/health", "/orders", order] {
            let get = app.client.get(path).await;
            let head = Reply::to(app.client.request(Method::HEAD, path)).await.expect(get.status);
            assert!(head.body.is_empty());
            assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        }
    }
}

on_both! {
    async fn the_root_leads_to_the_documentation(app: &App) {
        let root = app.client.get("/").await.expect(302);
        let docs = app.client.get(root.header("location").unwrap()).await.expect(200);
        assert_eq!(root.header("location"), Some("/docs"));
        assert_eq!(docs.header("content-type"), Some("text/html; charset=utf-8"));
        let page = docs.text();
        assert!(page.starts_with("<!DOCTYPE html>"), "{}", &page[..80]);
        assert!(page.contains("SwaggerUIBundle"));
        assert_eq!(app.client.get("/docs/").await.expect(200).text(), page);
    }
}
