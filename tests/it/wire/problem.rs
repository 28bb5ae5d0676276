//! The two bodies of a problem: RFC 9457 for clients that accept it, the short one otherwise.

use reqwest::{Method, RequestBuilder};

use crate::harness::{Client, Reply, on_both, order};

const PROBLEM_JSON: &str = "application/problem+json";

/// A request, and the status, code, title and detail of its refusal. The titles about keys are those
/// of the IETF draft *The Idempotency-Key HTTP Header Field*.
type Row = (
    RequestBuilder,
    u16,
    &'static str,
    &'static str,
    &'static str,
);

/// A request for every refusal of a healthy service. The key `used` has been used.
fn refusals(client: &Client) -> Vec<Row> {
    let with = |key: &str, body: &str| client.post(body).header("idempotency-key", key);
    let get = |path| client.request(Method::GET, path);
    let good = order("tea", 2);
    vec![
        (
            client.post(&*good),
            400,
            "IDEMPOTENCY_KEY_REQUIRED",
            "Idempotency-Key is missing",
            "Idempotency-Key header is required",
        ),
        (
            with("used", &order("coffee", 1)),
            409,
            "IDEMPOTENCY_KEY_REUSED",
            "Idempotency-Key is already used",
            "Idempotency key reused with different request",
        ),
        (
            with("a b", &good),
            400,
            "IDEMPOTENCY_KEY_INVALID",
            "Idempotency-Key is malformed",
            "Idempotency-Key is malformed: the key may contain visible ASCII characters only (0x21 to \
             0x7E)",
        ),
        (
            with("new", "{}"),
            400,
            "BODY_INVALID",
            "Body is invalid",
            "item and quantity are required",
        ),
        (
            with("new", &" ".repeat(65_537)),
            413,
            "BODY_TOO_LARGE",
            "Body is too large",
            "the body is larger than 65536 bytes",
        ),
        (
            client
                .request(Method::POST, "/orders")
                .header("idempotency-key", "new")
                .body(good),
            415,
            "MEDIA_TYPE_UNSUPPORTED",
            "Media type is not supported",
            "the body must be application/json",
        ),
        (
            get("/orders/01935a3c-7e00-7000-8000-00c0ffee0001"),
            404,
            "NOT_FOUND",
            "Not found",
            "order not found",
        ),
        (get("/nowhere"), 404, "NOT_FOUND", "Not found", "not found"),
        (
            client.request(Method::DELETE, "/orders"),
            405,
            "METHOD_NOT_ALLOWED",
            "Method is not allowed",
            "method not allowed",
        ),
    ]
}

on_both! {
    async fn a_client_that_accepts_problem_json_gets_it(app: &App) {
        app.client.place("used", order("tea", 2)).await.expect(201);
        for (request, status, code, title, detail) in refusals(&app.client) {
            let refused = Reply::to(request.header("accept", PROBLEM_JSON)).await.expect(status);
            assert_eq!(refused.header("content-type"), Some(PROBLEM_JSON));
            let name = code.to_ascii_lowercase().replace('_', "-");
            let expected = serde_json::json!({
                "type": format!("urn:orders:problem:{name}"),
                "title": title,
                "status": status,
                "detail": detail,
                "code": code,
            });
            assert_eq!(refused.text(), expected.to_string());
            assert_eq!(refused.header("allow").is_some(), status == 405);
        }
        assert_eq!(app.database.orders().await, 1);
    }
}

on_both! {
    async fn other_clients_get_the_short_body(app: &App) {
        app.client.place("used", order("tea", 2)).await.expect(201);
        for accept in ["application/json", "*/*", "text/html", "application/problem+json;q=0"] {
            for (request, status, code, _, detail) in refusals(&app.client) {
                let refused = Reply::to(request.header("accept", accept)).await;
                let refused = refused.expect_error(status, detail);
                // The body for a missing key is fixed to the byte, without a code.
                let code = (code != "IDEMPOTENCY_KEY_REQUIRED").then_some(code);
                assert_eq!(refused.json()["code"].as_str(), code);
            }
        }
    }
}

on_both! {
    async fn a_success_is_plain_json_for_every_client(app: &App) {
        for status in [201, 200] {
            let request = app.client.post(order("tea", 2)).header("idempotency-key", "key");
            let reply = Reply::to(request.header("accept", PROBLEM_JSON)).await.expect(status);
            assert_eq!(reply.header("content-type"), Some("application/json"));
        }
    }
}
