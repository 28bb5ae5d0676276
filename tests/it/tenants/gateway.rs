//! `--auth header=NAME`: a gateway names the tenant.

use crate::harness::{Process, Reply, on_both, order};

on_both! {
    async fn the_header_of_the_gateway_names_the_tenant(database: &TestDatabase) {
        let server = Process::serve_with(database, &["--auth", "header=X-Tenant"]);
        let [acme, zeta] = ["acme", "zeta"].map(|name| server.client.with_header("x-tenant", name));
        let ours = acme.place("key", order("tea", 2)).await.expect(201);
        let theirs = zeta.place("key", order("tea", 2)).await.expect(201);
        assert_ne!(ours.id(), theirs.id());
        acme.get(theirs.header("location").unwrap()).await.expect(404);
        let again = acme.place("key", order("tea", 2)).await.expect(200);
        assert_eq!(again.body, ours.body);

        let missing = server.client.place("key", order("tea", 2)).await;
        let missing = missing.expect_error(401, "the header x-tenant is missing");
        assert_eq!(missing.json()["code"], "UNAUTHENTICATED");
        assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
        for (name, rule) in [("", "empty"), ("a b", "visible ASCII"), (&*"x".repeat(65), "at most 64")] {
            let client = server.client.with_header("x-tenant", name);
            let reply = client.get("/orders").await.expect(401);
            assert!(reply.text().contains(rule), "{name:?}: {}", reply.text());
        }
        let twice = server.client.request(reqwest::Method::GET, "/orders");
        let twice = twice.header("x-tenant", "acme").header("x-tenant", "zeta");
        Reply::to(twice).await.expect_error(401, "the header x-tenant was sent more than once");
        // Everybody comes from the gateway's machine.
        acme.post_to("/admin/cleanup").await.expect(403);
        server.client.get("/metrics").await.expect(200);
        server.stop();
    }
}

on_both! {
    async fn each_tenant_has_its_own_quota(database: &TestDatabase) {
        let flags = ["--auth", "header=X-Tenant", "--rate-limit", "1", "--rate-burst", "3"];
        let server = Process::serve_with(database, &flags);
        let [acme, zeta] = ["acme", "zeta"].map(|name| server.client.with_header("x-tenant", name));
        let mut limited = false;
        for _ in 0..200 {
            limited |= acme.get("/orders").await.status == 429;
            if limited {
                break;
            }
        }
        assert!(limited, "200 requests of a tenant are all served");
        let reply = zeta.get("/orders").await.expect(200);
        assert!(reply.header("ratelimit").unwrap().contains("r=2"), "the full quota less one");
        server.stop();
    }
}
