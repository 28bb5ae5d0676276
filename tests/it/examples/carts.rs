//! `carts`: an order, its lines and its event are one effect, and its amounts are exact.

use serde_json::{Value, json};

use super::{Post, assert_replay, on_each, race, serve};
use crate::harness::{Client, Process, Reply, TestDatabase};

const ORDERS: &str = "SELECT count(*) FROM cart_orders";
const LINES: &str = "SELECT count(*) FROM cart_order_lines";
const EVENTS: &str = "SELECT count(*) FROM outbox";

/// Orders whose lines do not add up to their total.
const WRONG_TOTALS: &str = "SELECT count(*) FROM cart_orders WHERE total_cents <> \
                            (SELECT coalesce(sum(quantity * price_cents), 0) \
                             FROM cart_order_lines WHERE order_id = id)";

/// Events without an order, and of orders more than one.
const WRONG_EVENTS: &str = "SELECT count(*) - count(DISTINCT cart_orders.id) FROM outbox \
                            LEFT JOIN cart_orders ON cart_orders.id = subject";

/// A cart with two items, worth 25.00.
const CART: &str = r#"{"user_id":"user123","cart_id":"cart456","items":[
    {"product_id":"beans","quantity":2,"price":10.00},
    {"product_id":"tea","quantity":1,"price":5.00}]}"#;

/// The same cart as other programs write it.
const RESPELLED: &str = r#"{"items":[{"price":10.0,"quantity":2.0,"product_id":"beans"},
    {"price":5,"quantity":1,"product_id":"te\u0061"}],"cart_id":"cart456","user_id":"user123"}"#;

pub(super) fn place(key: &str, body: impl Into<String>) -> Post {
    Post {
        path: "/api/orders",
        key: key.to_owned(),
        body: body.into(),
    }
}

/// The cart of this key.
pub(super) fn cart() -> Post {
    place("create-order-user123-cart456", CART)
}

/// The same in another spelling.
pub(super) fn respelled() -> Post {
    place("create-order-user123-cart456", RESPELLED)
}

/// Asserts that so many orders are stored, each with two lines and one event.
pub(super) async fn assert_stored(database: &TestDatabase, orders: i64) {
    assert_eq!(database.count(ORDERS).await, orders);
    assert_eq!(database.count(LINES).await, 2 * orders);
    assert_eq!(database.count(EVENTS).await, orders);
    assert_eq!(database.count(WRONG_TOTALS).await, 0);
    assert_eq!(database.count(WRONG_EVENTS).await, 0);
}

/// The orders that the service lists.
async fn listed(client: &Client) -> Vec<Value> {
    let page = client.get("/api/orders").await.expect(200).json();
    assert_eq!(page["next"], Value::Null);
    page["orders"].as_array().unwrap().clone()
}

/// Sends a hundred requests at one instant, in two spellings. All replies are one order.
pub(super) async fn race_for_one(instances: &[&Process]) -> Reply {
    let clients: Vec<&Client> = instances.iter().map(|process| &process.client).collect();
    let posts: Vec<Post> = (0..25)
        .flat_map(|_| [cart(), cart(), respelled(), respelled()])
        .collect();
    let replies = race(&posts, &clients).await.into_values().flatten();
    let (later, fresh): (Vec<Reply>, Vec<Reply>) = replies.partition(Reply::is_replay);
    assert_eq!(later.len() + fresh.len(), 100);
    assert!(fresh.len() <= 1, "{fresh:?}");
    let first = fresh.first().unwrap_or(&later[0]).clone();
    for reply in &later {
        if first.is_replay() {
            assert_eq!(reply.body, first.body);
        } else {
            assert_replay(&first, reply);
        }
    }
    first
}

on_each! {
    async fn an_order_is_placed_with_its_lines_and_its_event(database: &TestDatabase) {
        let server = serve("carts", database);
        let first = cart().to(&server.client).await.expect(201);
        let body = first.json();
        let (id, time) = (body["order_id"].as_str().unwrap(), body["created_at"].as_str().unwrap());
        assert_eq!(
            first.text(),
            format!(
                r#"{{"order_id":"{id}","user_id":"user123","cart_id":"cart456","status":"pending","total_amount":25.00,"items":[{{"product_id":"beans","quantity":2,"price":10.00}},{{"product_id":"tea","quantity":1,"price":5.00}}],"created_at":"{time}"}}"#
            )
        );
        assert!(time.ends_with('Z') && time.len() <= "2026-11-30T12:00:00.000Z".len(), "{time}");
        let location = format!("/api/orders/{id}");
        assert_eq!(first.header("location"), Some(&*location));
        assert_eq!(server.client.get(&location).await.expect(200).body, first.body);
        assert_eq!(listed(&server.client).await, std::slice::from_ref(&body));
        let nowhere = format!("/api/orders/{}", uuid::Uuid::nil());
        server.client.get(&nowhere).await.expect(404);

        for again in [cart(), respelled()] {
            assert_replay(&first, &again.to(&server.client).await);
        }
        let other = place(&cart().key, CART.replace("5.00", "5.01"));
        let reused = "Idempotency key reused with different request";
        other.to(&server.client).await.expect_error(409, reused);
        assert_stored(database, 1).await;
        server.stop();
        let server = serve("carts", database);
        assert_replay(&first, &respelled().to(&server.client).await);
        assert_eq!(listed(&server.client).await, [body]);
        assert_stored(database, 1).await;
    }
}

on_each! {
    async fn a_hundred_racing_duplicates_place_one_order(database: &TestDatabase) {
        let (one, other) = (serve("carts", database), serve("carts", database));
        let first = race_for_one(&[&one, &other]).await;
        assert!(!first.is_replay());
        assert_stored(database, 1).await;
        assert_eq!(race_for_one(&[&other]).await.body, first.body);
        assert_stored(database, 1).await;
    }
}

on_each! {
    async fn the_same_key_of_two_users_places_two_orders(database: &TestDatabase) {
        let server = serve("carts", database);
        let users = ["user123", "user124", "user1", "User123", "user123 ", "place_cart_order"];
        let posts: Vec<Post> = users
            .iter()
            .map(|user| place(&cart().key, CART.replace("user123", user)))
            .collect();
        let replies = race(&[posts.clone(), posts].concat(), &[&server.client]).await;
        let replies: Vec<Reply> = replies.into_values().flatten().collect();
        for user in users {
            let of_user = replies.iter().filter(|reply| reply.json()["user_id"] == user);
            let (later, fresh): (Vec<&Reply>, Vec<&Reply>) =
                of_user.partition(|reply| reply.is_replay());
            assert_eq!((fresh.len(), later.len()), (1, 1), "{user:?}");
            assert_replay(fresh[0], later[0]);
        }
        assert_stored(database, 6).await;
        assert_eq!(listed(&server.client).await.len(), 6);
    }
}

on_each! {
    async fn amounts_are_exact(database: &TestDatabase) {
        let server = serve("carts", database);
        for (number, (items, total)) in [
            ("[[3,0.1],[1,0.2]]", "0.50"),
            ("[[1000000,0.01],[1,0]]", "10000.00"),
            ("[[10,1e2],[1,1.10e1]]", "1011.00"),
            ("[[9,1000000.00],[1,999999.99]]", "9999999.99"),
            ("[[1,0.070],[7,0.07]]", "0.56"),
            ("[[1,4503599.63],[1,0.00e5]]", ""),
        ]
        .into_iter()
        .enumerate()
        {
            let pairs: Vec<(i64, Box<serde_json::value::RawValue>)> =
                serde_json::from_str(items).unwrap();
            let items = pairs.iter().map(|(quantity, price)| {
                format!(r#"{{"product_id":"p","quantity":{quantity},"price":{price}}}"#)
            });
            let items = items.collect::<Vec<_>>().join(",");
            let body = format!(r#"{{"user_id":"u","cart_id":"c","items":[{items}]}}"#);
            let reply = place(&format!("key-{number}"), body).to(&server.client).await;
            if total.is_empty() {
                let error = reply.expect(400).json()["error"].as_str().unwrap().to_owned();
                assert!(error.starts_with("items[0].price must be "), "{error}");
                continue;
            }
            let reply = reply.expect(201);
            let amount = format!("\"total_amount\":{total},");
            assert!(reply.text().contains(&amount), "{} {amount}", reply.text());
            let location = reply.header("location").unwrap().to_owned();
            assert_eq!(server.client.get(&location).await.expect(200).body, reply.body);
        }
        assert_stored(database, 5).await;
    }
}

on_each! {
    async fn an_invalid_member_is_named_and_does_not_use_up_the_key(database: &TestDatabase) {
        let server = serve("carts", database);
        let item = json!({ "product_id": "beans", "quantity": 1, "price": 1.5 });
        let valid = json!({ "user_id": "u", "cart_id": "c", "items": [item, item] });
        let text = "must be a string of 1 to 255 characters, not blank and without control \
                    characters";
        let quantity = "must be a whole number from 1 to 1000000";
        let price = "must be a number from 0 to 1000000.00 with up to two decimal places";
        let items = "items must be an array of 1 to 100 items";
        for (pointer, value, error) in [
            ("", json!([]), format!("user_id {text}")),
            ("", json!({}), format!("user_id {text}")),
            ("/user_id", json!(7), format!("user_id {text}")),
            ("/user_id", json!(" "), format!("user_id {text}")),
            ("/user_id", json!("u\n"), format!("user_id {text}")),
            ("/cart_id", json!("c".repeat(256)), format!("cart_id {text}")),
            ("/items", json!(null), items.to_owned()),
            ("/items", json!([]), items.to_owned()),
            ("/items", json!(vec![item.clone(); 101]), items.to_owned()),
            ("/items/1", json!("beans"), format!("items[1].product_id {text}")),
            ("/items/1/product_id", json!("\0"), format!("items[1].product_id {text}")),
            ("/items/1/quantity", json!(0), format!("items[1].quantity {quantity}")),
            ("/items/0/quantity", json!("1"), format!("items[0].quantity {quantity}")),
            ("/items/0/quantity", json!(1.5), format!("items[0].quantity {quantity}")),
            ("/items/0/quantity", json!(1_000_001), format!("items[0].quantity {quantity}")),
            ("/items/1/price", json!("1.50"), format!("items[1].price {price}")),
            ("/items/1/price", json!(null), format!("items[1].price {price}")),
            ("/items/1/price", json!(-0.01), format!("items[1].price {price}")),
            ("/items/1/price", json!(0.001), format!("items[1].price {price}")),
            ("/items/1/price", json!(1_000_000.01), format!("items[1].price {price}")),
            ("/items/1/price", json!(1e300), format!("items[1].price {price}")),
            ("/items/1/price", json!(1e-300), format!("items[1].price {price}")),
            (
                "/items/1",
                json!({ "product_id": "gold", "quantity": 1_000_000, "price": 1_000_000 }),
                "items must be worth at most 10000000.00, not 1000000000001.50".to_owned(),
            ),
        ] {
            let mut body = valid.clone();
            *body.pointer_mut(pointer).unwrap() = value;
            let reply = Post::new("/api/orders", "key", &body).to(&server.client).await;
            reply.expect_error(400, &error);
        }
        assert_stored(database, 0).await;
        let body = valid.to_string();
        place("", &*body).to(&server.client).await.expect(400);
        place("key", &*body).to(&server.client).await.expect(201);
        assert_stored(database, 1).await;
    }
}

on_each! {
    async fn pages_of_orders_are_complete(database: &TestDatabase) {
        let server = serve("carts", database);
        let keys: Vec<String> = (0..1_050).map(|number| format!("key-{number}")).collect();
        for keys in keys.chunks(350) {
            let posts: Vec<Post> = keys.iter().map(|key| place(key, CART)).collect();
            race(&posts, &[&server.client]).await;
        }
        assert_stored(database, 1_050).await;
        let ids = |page: &Value| -> Vec<String> {
            let orders = page["orders"].as_array().unwrap().iter();
            orders.map(|order| order["order_id"].as_str().unwrap().to_owned()).collect()
        };
        let first = server.client.get("/api/orders").await.expect(200).json();
        let next = first["next"].as_str().unwrap();
        let rest = server.client.get(&format!("/api/orders?after={next}")).await.expect(200).json();
        assert_eq!(rest["next"], Value::Null);
        let all = [ids(&first), ids(&rest)].concat();
        assert_eq!((ids(&first).len(), all.len()), (1_000, 1_050));
        assert!(all.is_sorted_by(|a, b| a < b));
    }
}
