//! Requests per second of a tenant.

use std::time::Duration;

use crate::harness::{Process, Reply, on_both, on_sqlite, order};

/// The parameters `r` and `t` of `RateLimit`, or `q` and `w` of `RateLimit-Policy`.
fn parameters(reply: &Reply, name: &str) -> Vec<u64> {
    let value = reply
        .header(name)
        .unwrap_or_else(|| panic!("no {name}: {reply:?}"));
    let (policy, parameters) = value.split_once(';').unwrap();
    assert_eq!(policy, "\"tenant\"");
    let numbers = parameters
        .split(';')
        .map(|text| text.split_once('=').unwrap().1);
    numbers.map(|number| number.parse().unwrap()).collect()
}

on_both! {
    async fn requests_over_the_limit_wait_and_then_succeed(database: &TestDatabase) {
        let flags = ["--rate-limit", "1", "--rate-burst", "4"];
        let server = Process::serve_with(database, &flags);
        let mut refused = None;
        for n in 0..200 {
            let reply = server.client.place(&format!("key-{n}"), order("tea", 2)).await;
            assert_eq!(parameters(&reply, "ratelimit-policy"), [4, 4]);
            let limit = parameters(&reply, "ratelimit");
            assert!(limit[0] <= 4 && limit[1] <= 4, "{limit:?}");
            if reply.status == 429 {
                assert_eq!(limit[0], 0);
                refused = Some((n, reply));
                break;
            }
            reply.expect(201);
        }
        let (n, reply) = refused.expect("200 requests one after the other are all served");
        assert!(n >= 4, "only {n} requests of a burst of 4 were served");
        let error = "more requests than allowed, retry later with the same Idempotency-Key";
        let reply = reply.expect_error(429, error);
        assert_eq!(reply.json()["code"], "RATE_LIMITED");
        let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert_eq!(wait, 1);
        assert_eq!(database.orders().await, n, "a refused request placed an order");

        // Reads count as well. The probe and the documentation do not.
        let mut refused = false;
        for _ in 0..200 {
            refused |= server.client.get("/orders").await.status == 429;
        }
        assert!(refused, "200 reads are all served");
        for path in ["/health", "/docs", "/openapi.json"] {
            let reply = server.client.get(path).await.expect(200);
            assert_eq!(reply.header("ratelimit"), None, "{path}");
        }
        tokio::time::sleep(Duration::from_secs(wait + 1)).await;
        let reply = server.client.place(&format!("key-{n}"), order("tea", 2)).await;
        reply.expect(201);
        server.stop();
    }
}

on_sqlite! {
    async fn errors_of_allowed_requests_tell_what_is_left(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--rate-limit", "5"]);
        let reply = server.client.place("key", "{}").await.expect(400);
        assert_eq!(parameters(&reply, "ratelimit-policy"), [5, 1]);
        assert_eq!(parameters(&reply, "ratelimit"), [4, 1]);
        server.stop();
    }
}

on_sqlite! {
    async fn there_is_no_limit_by_default(database: &TestDatabase) {
        let server = Process::serve(database);
        let replies = server.client.burst(200, "key", &order("tea", 2)).await;
        for reply in replies {
            assert_eq!(reply.expect_order().header("ratelimit"), None);
        }
        server.stop();
    }
}
