//! A receiver that is away, says no or does not answer.

use std::time::Duration;

use super::receiver::{Answer, Received, status};
use super::{
    Receiver, Relay, Seen, assert_one_for_each, place, relaying, serving, until_published,
};
use crate::harness::{TestDatabase, on_both};

on_both! {
    async fn a_receiver_that_is_away_gets_everything_when_it_returns(database: &TestDatabase) {
        let receiver = Receiver::start().await;
        let (address, url) = (receiver.address(), receiver.url());
        receiver.stop().await;
        let server = serving(database);
        let relay = Relay::start(&mut relaying(database, &url));
        place(&server, 0..100).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(database.backlog().await, 100);
        // The sink is tried, not each event: an outage uses up no attempts.
        let tried = "SELECT count(*) FROM outbox WHERE attempts > 0";
        assert!(database.count(tried).await < 40);
        let receiver = Receiver::start_on(address, |_| status(204)).await;
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}

/// The item says what happens: the events of a tenth of the orders always fail.
fn poison(answer: Answer) -> impl FnMut(&Seen) -> Answer {
    move |event| {
        if event.text.contains("poison") {
            answer.clone()
        } else {
            status(204)
        }
    }
}

/// Places 90 orders, and 10 whose events fail; more than one relay sends at once.
async fn poisoned(database: &TestDatabase, answer: Answer) -> (Receiver, Relay, Vec<Received>) {
    let receiver = Receiver::with(poison(answer)).await;
    let server = serving(database);
    for number in 0..100 {
        let item = if number % 10 == 0 { "poison" } else { "tea" };
        let body = crate::harness::order(item, 1);
        server
            .client
            .place(&format!("key-{number}"), body)
            .await
            .expect(201);
    }
    server.stop();
    let relay = Relay::start(&mut relaying(database, &receiver.url()));
    database
        .until("SELECT count(*) FROM outbox", |left| left == 10)
        .await;
    let arrived = receiver.received();
    (receiver, relay, arrived)
}

on_both! {
    async fn events_that_are_refused_again_and_again_do_not_stop_the_others(database: &TestDatabase) {
        for answer in [status(500), status(400), (301, vec![("location", "/elsewhere")], Duration::ZERO)] {
            let (receiver, relay, arrived) = poisoned(database, answer).await;
            let poisoned = |arrived: &[Received]| {
                let of = |one: &&Received| one.body.contains("poison");
                arrived.iter().filter(of).cloned().collect::<Vec<_>>()
            };
            assert!(arrived.iter().all(|one| one.path.starts_with("/hooks")), "no redirect");
            // Each is tried again, after pauses that grow.
            let first = poisoned(&arrived)[0].event().id;
            let of_first = |arrived: &[Received]| {
                let of = |one: &Received| one.event().id == first;
                poisoned(arrived).into_iter().filter(of).collect::<Vec<_>>()
            };
            let mut attempts = of_first(&receiver.received());
            while attempts.len() < 3 {
                receiver.until(receiver.received().len() + 1).await;
                attempts = of_first(&receiver.received());
            }
            let pauses: Vec<_> = attempts.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
            // 1 s and 2 s, at least half of it.
            for (pause, least) in pauses.iter().zip([500, 1_000]) {
                assert!(*pause >= Duration::from_millis(least), "{pauses:?}");
            }
            // What is signed anew is the same event.
            assert!(attempts.windows(2).all(|pair| pair[0].body == pair[1].body));
            receiver.answer(|_| status(204));
            until_published(database).await;
            relay.stop();
            let accepted = receiver.accepted();
            assert_one_for_each(&accepted, &database.order_ids().await);
            for table in ["orders", "idempotency_keys"] {
                database.execute(&format!("DELETE FROM {table}")).await;
            }
        }
    }
}

on_both! {
    async fn events_that_are_not_answered_do_not_stop_the_others(database: &TestDatabase) {
        let never = (204, Vec::new(), Duration::from_secs(30));
        let (receiver, relay, _) = poisoned(database, never).await;
        // It has arrived, and the relay cannot know: the receiver deduplicates by id.
        receiver.answer(|_| status(204));
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
    }
}

on_both! {
    async fn a_receiver_that_is_gone_or_asks_for_a_pause_gets_it(database: &TestDatabase) {
        let server = serving(database);
        for (number, answer) in [
            status(410),
            (429, vec![("retry-after", "30")], Duration::ZERO),
            (503, vec![("retry-after", "Fri, 31 Dec 2100 23:59:59 GMT")], Duration::ZERO),
        ].into_iter().enumerate() {
            let receiver = Receiver::with(move |_| answer.clone()).await;
            place(&server, number * 50..(number + 1) * 50).await;
            let relay = Relay::start(&mut relaying(database, &receiver.url()));
            receiver.until(1).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            // Those that were on their way, and no other.
            let arrived = receiver.received().len();
            assert!(arrived <= 16, "{arrived}");
            assert_eq!(database.backlog().await, i64::try_from((number + 1) * 50).unwrap());
            relay.stop();
        }
        let receiver = Receiver::start().await;
        let relay = Relay::start(&mut relaying(database, &receiver.url()));
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}
