//! `carts` dies in the middle of a race: an order is whole or not there, and no answer changes.

use std::time::Duration;

use tokio::task::JoinSet;

use super::carts::{assert_stored, cart, race_for_one, respelled};
use super::{on_each, serve, serving};
use crate::harness::{Process, Reply, TestDatabase};

/// Sends a hundred duplicates to a server that dies meanwhile. An answer may not arrive.
fn race_with(server: &Process) -> JoinSet<Option<Reply>> {
    let mut requests = JoinSet::new();
    for number in 0..100 {
        let client = server.client.clone();
        let post = if number % 2 == 0 { cart() } else { respelled() };
        requests.spawn(async move { post.try_to(&client).await });
    }
    requests
}

/// After the crashes: all hear one order, the one that was heard before if any was.
async fn assert_converges(database: &TestDatabase, heard: Option<Reply>) {
    let (one, other) = (serve("carts", database), serve("carts", database));
    let settled = race_for_one(&[&one, &other]).await;
    if let Some(first) = heard {
        assert_eq!(settled.body, first.body);
    }
    assert_stored(database, 1).await;
}

on_each! {
    async fn kill_9_in_a_race_leaves_at_most_one_order(database: &TestDatabase) {
        let mut heard: Option<Reply> = None;
        for round in 0..4 {
            let server = serve("carts", database);
            let requests = race_with(&server);
            tokio::time::sleep(Duration::from_millis(5 * (round + 1))).await;
            server.kill();
            for reply in requests.join_all().await.into_iter().flatten() {
                let first = heard.get_or_insert_with(|| reply.clone());
                assert_eq!(reply.body, first.body);
            }
            let orders = database.count("SELECT count(*) FROM cart_orders").await;
            assert!(orders <= 1, "{orders} orders");
            assert_stored(database, orders).await;
        }
        assert_converges(database, heard).await;
    }
}

on_each! {
    async fn an_abort_at_any_step_leaves_a_whole_order_or_none(database: &TestDatabase) {
        for (at, stored) in [
            ("after-claim", 0),
            ("after-apply", 0),
            ("before-commit", 0),
            ("after-commit", 1),
            ("before-answer", 1),
        ] {
            let mut command = serving("carts", database);
            let server = Process::start(command.env("ORDERS_CRASH_AT", at));
            let replies = race_with(&server).join_all().await;
            assert!(replies.iter().all(Option::is_none), "{at}: nobody was answered");
            assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
            assert_stored(database, stored).await;
        }
        assert_converges(database, None).await;
    }
}
