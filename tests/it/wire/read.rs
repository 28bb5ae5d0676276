//! Finding and listing orders.

use serde_json::Value;

use crate::harness::{Client, on_both, order};

/// The ids of a page, and where the next one begins.
async fn page(client: &Client, query: &str) -> (Vec<String>, Option<String>) {
    let page = client
        .get(&format!("/orders{query}"))
        .await
        .expect(200)
        .json();
    let members: Vec<&String> = page.as_object().unwrap().keys().collect();
    assert_eq!(members, ["orders", "next"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let orders = page["orders"].as_array().unwrap().iter();
    let ids = orders.map(|order| text(&order["id"]).unwrap()).collect();
    (ids, text(&page["next"]))
}

/// Places orders one after another and returns their ids.
async fn place(client: &Client, name: &str, count: i64) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let placed = client
            .place(&format!("{name}-{number}"), order(name, number))
            .await;
        ids.push(placed.expect(201).id());
    }
    ids
}

on_both! {
    async fn an_order_is_returned_as_it_was_placed(app: &App) {
        let placed = app.client.place("key", order("tea", 2)).await.expect(201);
        let found = app.client.get(placed.header("location").unwrap()).await.expect(200);
        assert_eq!(found.body, placed.body);
        assert_eq!(found.header("content-type"), Some("application/json"));
        assert_eq!(found.header("idempotent-replayed"), None);
    }
}

on_both! {
    async fn an_unknown_id_is_not_found(app: &App) {
        let placed = app.client.place("key", order("tea", 2)).await.expect(201).id();
        for id in [
            "01935a3c-7e00-7000-8000-00c0ffee0001", "00000000-0000-0000-0000-000000000000", "1",
            "key", "%20", "null", "01935a3c", "'%20OR%201=1--", &format!("{placed}0"), "%ff",
        ] {
            let missing = app.client.get(&format!("/orders/{id}")).await;
            missing.expect_error(404, "order not found");
        }
    }
}

on_both! {
    async fn a_list_is_complete_and_oldest_first(app: &App) {
        assert_eq!(page(&app.client, "").await, (vec![], None));
        let placed = place(&app.client, "tea", 5).await;
        assert_eq!(page(&app.client, "").await, (placed.clone(), None));
        assert_eq!(page(&app.client, "?limit=5").await, (placed.clone(), None));
        assert_eq!(page(&app.client, "?limit=1000").await, (placed.clone(), None));
        let first = app.client.get("/orders?limit=1").await.expect(200);
        let order = app.client.get(&format!("/orders/{}", placed[0])).await.expect(200);
        let expected = format!(r#"{{"orders":[{}],"next":"{}"}}"#, order.text(), placed[0]);
        assert_eq!(first.text(), expected);
    }
}

on_both! {
    async fn pages_of_any_size_cover_everything_once(app: &App) {
        let placed = place(&app.client, "tea", 7).await;
        for limit in 1..=8 {
            let (mut walked, mut query) = (Vec::new(), format!("?limit={limit}"));
            loop {
                let (ids, next) = page(&app.client, &query).await;
                assert!(ids.len() <= limit);
                walked.extend(ids);
                let Some(next) = next else { break };
                assert_eq!(Some(&next), walked.last());
                query = format!("?limit={limit}&after={next}");
            }
            assert_eq!(walked, placed, "in pages of {limit}");
        }
        let (after_last, next) = page(&app.client, &format!("?after={}", placed[6])).await;
        assert_eq!((after_last, next), (vec![], None));
    }
}

on_both! {
    async fn pages_do_not_shift_while_orders_arrive(app: &App) {
        let before = place(&app.client, "before", 6).await;
        let (mut walked, mut query) = (Vec::new(), "?limit=2".to_owned());
        let mut during = Vec::new();
        for round in 1..=20 {
            let (ids, next) = page(&app.client, &query).await;
            walked.extend(ids);
            if round <= 3 {
                during.extend(place(&app.client, &format!("during-{round}"), 1).await);
            }
            let Some(next) = next else { break };
            query = format!("?limit=2&after={next}");
        }
        assert_eq!(walked, [before, during].concat());
    }
}

on_both! {
    async fn the_default_page_has_100_orders(app: &App) {
        let mut requests = tokio::task::JoinSet::new();
        for number in 1..=101 {
            let client = app.client.clone();
            requests.spawn(async move {
                client.place(&format!("key-{number}"), order("tea", number)).await.expect(201);
            });
        }
        requests.join_all().await;
        let (ids, next) = page(&app.client, "").await;
        assert_eq!((ids.len(), next.as_ref()), (100, ids.last()));
        let (rest, next) = page(&app.client, &format!("?after={}", ids[99])).await;
        assert_eq!((rest.len(), next), (1, None));
    }
}

on_both! {
    async fn an_invalid_parameter_is_refused_with_its_rule(app: &App) {
        let limit = "limit must be a whole number from 1 to 1000";
        let after = "after must be the id of an order";
        for (query, rule) in [
            ("?limit=0", limit), ("?limit=1001", limit), ("?limit=-1", limit),
            ("?limit=ten", limit), ("?limit=2.5", limit), ("?limit=", limit),
            ("?limit=99999999999999999999", limit), ("?after=1", after),
            ("?after=01935a3c", after), ("?limit=1&after='", after),
        ] {
            let refused = app.client.get(&format!("/orders{query}")).await;
            refused.expect_error(400, rule);
        }
    }
}
