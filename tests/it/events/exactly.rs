//! An event if and only if there is an order.

use std::process::Stdio;

use super::{
    Receiver, Relay, SECRET, append, assert_one_for_each, lines, serving, until_published,
};
use crate::harness::{Bounds, Client, Process, on_both, order};

const ORDERS: usize = 300;

/// New orders, replays, reused keys and refused orders.
async fn mixed_load(client: &Client) {
    let keys = || (0..ORDERS).map(|number| format!("key-{number}"));
    for reply in client.place_all(keys(), &order("tea", 2)).await {
        reply.expect(201);
    }
    for reply in client.place_all(keys(), &order("tea", 2)).await {
        reply.expect(200);
    }
    for reply in client.place_all(keys(), &order("tea", 3)).await {
        reply.expect(409);
    }
    client.place("invalid", order("tea", 0)).await.expect(400);
    let mut created = 0;
    for reply in client.burst(50, "race", &order("tea", 1)).await {
        created += usize::from(reply.expect_order().status == 201);
    }
    assert_eq!(created, 1);
}

on_both! {
    async fn the_relay_inside_serve_sends_one_webhook_for_each_order(database: &TestDatabase) {
        let receiver = Receiver::start().await;
        let mut command = Process::serving(database);
        let server = Process::start(
            command
                .args(["--events", &receiver.url(), "--events-source", "https://shop.example/orders"])
                .env("ORDERS_WEBHOOK_SECRET", SECRET)
                // On a starved machine the default may pass, and an event is sent twice.
                .env("ORDERS_PUBLISH_TIMEOUT", "1m"),
        );
        mixed_load(&server.client).await;
        until_published(database).await;
        let arrived = receiver.received();
        // Nothing has failed, so nothing was sent twice.
        assert_eq!(arrived.len(), ORDERS + 1);
        for one in &arrived {
            assert_eq!(one.path, "/hooks?token=s3cret");
            let media_type = "application/cloudevents+json; charset=utf-8";
            assert_eq!(one.header("content-type"), media_type);
            assert_eq!(one.header("webhook-id"), one.event().id.to_string());
            assert!(one.body.contains(r#""source":"https://shop.example/orders""#));
        }
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        // The details are the order, byte for byte.
        let first = receiver.received().remove(0);
        let order = server.client.get(&format!("/orders/{}", first.event().subject)).await;
        assert!(first.body.ends_with(&format!(r#""data":{}}}"#, order.text())), "{}", first.body);
        server.stop();
    }
}

on_both! {
    async fn events_on_stdout_are_lines(database: &TestDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events");
        let server = serving(database);
        mixed_load(&server.client).await;
        let mut command = Process::on(database, &["relay", "--events", "stdout:"]);
        let relay = Relay::start(command.stdout(Stdio::from(append(&file))));
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&lines(&file), &database.order_ids().await);
        server.stop();
    }
}

on_both! {
    async fn a_transaction_that_fails_leaves_no_event(database: &TestDatabase) {
        // As in the tests of logs: an item that the database rejects, with its whole batch.
        crate::observe::reject_poison(database).await;
        let server = serving(database);
        let placing = (0..60).map(|number| {
            let item = if number % 3 == 0 { "poison" } else { "tea" };
            server.client.spawn_place(&format!("key-{number}"), order(item, 1))
        });
        let mut placed = 0;
        for reply in futures_util::future::join_all(placing).await {
            let reply = reply.unwrap();
            assert!(matches!(reply.status, 201 | 500), "{reply:?}");
            placed += i64::from(reply.status == 201);
        }
        assert_eq!((placed, database.orders().await), (40, 40));
        // The promise at the end says: of these orders.
        assert_eq!(database.backlog().await, 40);
        server.stop();
    }
}

on_both! {
    async fn every_order_has_one_event_also_under_races(app: &App with Bounds::with_events()) {
        // The end of the test checks it.
        let another = app.another_with(Bounds::with_events()).await;
        for round in 0..5 {
            let key = format!("race-{round}");
            let body = order("tea", 1);
            let bursts = [&app.client, &another.client].map(|client| client.burst(40, &key, &body));
            let replies = futures_util::future::join_all(bursts).await;
            let created = replies.iter().flatten().filter(|reply| reply.status == 201);
            assert_eq!(created.count(), 1);
        }
        mixed_load(&app.client).await;
        another.stop().await;
    }
}

on_both! {
    async fn without_the_flag_there_are_no_events(database: &TestDatabase) {
        let server = Process::serve(database);
        server.client.place("key", order("tea", 1)).await.expect(201);
        assert_eq!(database.backlog().await, 0);
        server.stop();
    }
}
