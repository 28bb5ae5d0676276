//! Simultaneous requests on one instance.

use std::collections::HashSet;

use crate::harness::{Reply, on_both, order};

/// One 201, and all others are replays of it.
fn assert_one_winner(replies: &[Reply]) {
    let created: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(created.len(), 1, "{replies:?}");
    assert!(!created[0].is_replay());
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(reply.is_replay());
        assert_eq!(reply.body, created[0].body);
    }
}

on_both! {
    async fn identical_requests_at_one_instant_place_one_order(app: &App) {
        for (orders, count) in (1..).zip([2, 8, 40, 500]) {
            let replies = app.client.burst(count, &format!("burst-{count}"), &order("tea", 1)).await;
            assert_eq!(replies.len(), count);
            assert_one_winner(&replies);
            assert_eq!(app.database.orders().await, orders);
        }
    }
}

on_both! {
    async fn distinct_keys_place_distinct_orders_for_equal_payloads(app: &App) {
        let keys = (0..200).map(|n| format!("key-{n}"));
        let replies = app.client.place_all(keys, &order("tea", 1)).await;
        let ids: HashSet<String> = replies.into_iter().map(|reply| reply.expect(201).id()).collect();
        assert_eq!(ids.len(), 200);
        assert_eq!(app.database.orders().await, 200);
    }
}

on_both! {
    async fn of_two_payloads_racing_for_a_key_one_wins_and_the_other_is_refused(app: &App) {
        for round in 0..10 {
            let key = format!("race-{round}");
            let (tea, rum) = (order("tea", 1), order("rum", 1));
            let (tea, rum) =
                tokio::join!(app.client.burst(10, &key, &tea), app.client.burst(10, &key, &rum));
            let (won, lost) = if tea.iter().any(|r| r.status == 201) { (tea, rum) } else { (rum, tea) };
            assert_one_winner(&won);
            for reply in lost {
                let reply = reply.expect_error(409, "Idempotency key reused with different request");
                assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_REUSED");
                assert_eq!(reply.header("retry-after"), None, "a retry cannot succeed");
            }
            assert_eq!(app.database.orders().await, round + 1);
        }
    }
}
