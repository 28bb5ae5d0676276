//! Two tenants with the same keys and payloads.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use orders::redis::{Redis, Settings};
use uuid::Uuid;

use super::{create_token, with_tokens};
use crate::harness::{App, Client, Instance, RedisServer, Reply, on_both, order};

/// The clients of two tenants.
fn two_tenants(app: &App) -> [Client; 2] {
    ["acme", "zeta"].map(|tenant| {
        let token = create_token(&app.database, tenant, &[]);
        app.client.with_token(&token)
    })
}

/// The ids of all orders that a client sees.
async fn listed(client: &Client) -> Vec<String> {
    let (mut ids, mut path) = (Vec::new(), "/orders?limit=3".to_owned());
    loop {
        let page = client.get(&path).await.expect(200).json();
        let orders = page["orders"].as_array().unwrap().iter();
        ids.extend(orders.map(|order| order["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/orders?limit=3&after={next}"),
            None => return ids,
        }
    }
}

/// What differs from response to response is left out.
fn visible(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter();
    let headers = headers
        .filter(|(name, _)| !["date", "x-request-id", "traceparent"].contains(&name.as_str()));
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value)));
    (reply.status, headers.collect(), reply.text())
}

on_both! {
    async fn the_same_key_and_payload_of_two_tenants_are_two_orders(app: &App with with_tokens()) {
        let [acme, zeta] = two_tenants(app);
        let ours = acme.place("key", order("tea", 2)).await.expect(201);
        let theirs = zeta.place("key", order("tea", 2)).await.expect(201);
        assert_ne!(ours.id(), theirs.id());
        // Once from the database, then from memory.
        for _ in 0..3 {
            for (client, first) in [(&acme, &ours), (&zeta, &theirs)] {
                let replay = client.place("key", order("tea", 2)).await.expect(200);
                assert_eq!(replay.body, first.body);
                assert_eq!(replay.header("location"), first.header("location"));
            }
        }
        // A payload is compared with that of the same tenant only.
        acme.place("other", order("tea", 2)).await.expect(201);
        zeta.place("other", order("coffee", 7)).await.expect(201);
        acme.place("key", order("tea", 3)).await.expect(409);

        for (client, mine, foreign) in [(&acme, &ours, &theirs), (&zeta, &theirs, &ours)] {
            let found = client.get(mine.header("location").unwrap()).await.expect(200);
            assert_eq!(found.body, mine.body);
            client.get(foreign.header("location").unwrap()).await.expect(404);
            let key = client.get("/idempotency-keys/key").await.expect(200);
            assert_eq!(key.json()["order"], mine.id());
            let ids = listed(client).await;
            assert_eq!(ids.len(), 2);
            assert!(ids.contains(&mine.id()) && !ids.contains(&foreign.id()));
        }
    }
}

on_both! {
    async fn tenants_that_race_for_a_key_get_an_order_each(app: &App with with_tokens()) {
        let [acme, zeta] = two_tenants(app);
        let other = Instance::start(&app.database, with_tokens()).await;
        let elsewhere = zeta.clone().at(&other.client);
        for n in 0..20 {
            let (key, body) = (format!("key-{n}"), order("tea", 2));
            let (ours, theirs, too) = tokio::join!(
                acme.burst(6, &key, &body),
                zeta.burst(6, &key, &body),
                elsewhere.burst(6, &key, &body),
            );
            let ids = |replies: &[Reply]| -> HashSet<String> {
                replies.iter().map(|reply| reply.clone().expect_order().id()).collect()
            };
            let (ours, theirs) = (ids(&ours), ids(&[theirs, too].concat()));
            assert_eq!((ours.len(), theirs.len()), (1, 1), "{key}");
            assert_ne!(ours, theirs, "{key}");
        }
        assert_eq!(app.database.orders().await, 40);
        let (ours, theirs) = (listed(&acme).await, listed(&zeta).await);
        assert_eq!((ours.len(), theirs.len()), (20, 20));
        assert!(ours.is_sorted() && theirs.is_sorted());
        assert!(ours.iter().all(|id| !theirs.contains(id)));
        other.stop().await;
    }
}

on_both! {
    async fn absent_and_foreign_cannot_be_told_apart(app: &App with with_tokens()) {
        let [acme, zeta] = two_tenants(app);
        let foreign = zeta.place("key", order("tea", 2)).await.expect(201).id();
        for accept in ["application/json", "application/problem+json"] {
            let get = async |path: String| {
                let request = acme.request(reqwest::Method::GET, &path).header("accept", accept);
                visible(&Reply::to(request).await.expect(404))
            };
            let absent = get(format!("/orders/{}", Uuid::now_v7())).await;
            assert_eq!(get(format!("/orders/{foreign}")).await, absent);
            let absent = get("/idempotency-keys/never-used".to_owned()).await;
            assert_eq!(get("/idempotency-keys/key".to_owned()).await, absent);
        }
        // Nor does a list tell: it goes on after a foreign id as after an absent one.
        let ours = acme.place("key", order("tea", 2)).await.expect(201).id();
        let after = acme.get(&format!("/orders?after={foreign}")).await.expect(200);
        assert_eq!(after.json()["orders"][0]["id"], ours);
    }
}

on_both! {
    async fn orders_of_the_time_before_tenants_stay_those_of_the_shared_tenant(app: &App) {
        let shared = app.client.place("key", order("tea", 2)).await.expect(201);
        let instance = Instance::start(&app.database, with_tokens()).await;
        let token = create_token(&app.database, "acme", &[]);
        let acme = instance.client.with_token(&token);
        acme.get(shared.header("location").unwrap()).await.expect(404);
        let ours = acme.place("key", order("tea", 2)).await.expect(201);
        app.client.get(ours.header("location").unwrap()).await.expect(404);
        let replay = app.client.place("key", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, shared.body);
        assert_eq!(listed(&app.client).await, [shared.id()]);
        assert_eq!(listed(&acme).await, [ours.id()]);
        instance.stop().await;
    }
}

on_both! {
    async fn a_shared_replay_tier_separates_tenants(app: &App with with_tokens()) {
        let [acme, zeta] = two_tenants(app);
        let redis = RedisServer::start();
        let settings = Settings {
            timeout: Duration::from_secs(3),
            lifetime: Duration::from_mins(1),
        };
        let tier = Arc::new(Redis::start(&redis.url(), settings).unwrap());
        let mut bounds = with_tokens();
        bounds.executor.replay_tier = Some(tier);
        bounds.executor.replay_bytes_max = 0;
        let one = Instance::start(&app.database, bounds.clone()).await;
        let another = Instance::start(&app.database, bounds).await;
        // Until the first order is in Redis.
        let mut n = 0;
        while redis.entries() == 0 {
            n += 1;
            assert!(n < 200, "the instance does not use Redis");
            let key = format!("warm-up-{n}");
            acme.clone().at(&one.client).place(&key, order("tea", 1)).await.expect(201);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let entries = redis.entries();
        let ours = acme.clone().at(&one.client).place("key", order("tea", 2)).await.expect(201);
        redis.until_entries(entries + 1).await;
        let hits = redis.hits();
        // A key of another tenant finds nothing there, the own one does.
        let theirs = zeta.at(&another.client).place("key", order("tea", 2)).await.expect(201);
        assert_ne!(ours.id(), theirs.id());
        let replay = acme.at(&another.client).place("key", order("tea", 2)).await.expect(200);
        assert_eq!(replay.body, ours.body);
        assert!(redis.hits() > hits, "the replay is not of Redis");
        one.stop().await;
        another.stop().await;
    }
}
