//! Several relays, and the order of the events of one subject.

use std::time::Duration;

use bytes::Bytes;
use orders::db::LockWait;
use orders::outbox::{self, Event};
use uuid::Uuid;

use super::receiver::status;
use super::{
    Receiver, Relay, assert_one_for_each, place, relaying, relaying_patiently, serving,
    until_published,
};
use crate::harness::{TestDatabase, on_both};

on_both! {
    async fn several_relays_share_the_work(database: &TestDatabase) {
        let receiver = Receiver::with(|_| (204, Vec::new(), Duration::from_millis(10))).await;
        let server = serving(database);
        let relays: Vec<_> = (0..3)
            .map(|_| Relay::start(&mut relaying_patiently(database, &receiver.url())))
            .collect();
        for round in 0..6 {
            place(&server, round * 100..(round + 1) * 100).await;
        }
        until_published(database).await;
        relays.into_iter().for_each(Relay::stop);
        // Nothing has failed, and no lease has ended: nothing was sent twice.
        assert_eq!(receiver.received().len(), 600);
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}

/// Writes events of one subject, each in a transaction of its own.
async fn write(database: &TestDatabase, subject: Uuid, numbers: std::ops::Range<usize>) {
    let connection = database.connect().await.connection().await.unwrap();
    for number in numbers {
        let data = format!(r#"{{"id":"{subject}","number":{number}}}"#);
        let event = Event::new("/test", "orders.order.placed", subject, Bytes::from(data));
        let txn = connection.begin(LockWait::Full).await.unwrap();
        outbox::insert(&txn, [&event]).await.unwrap();
        txn.commit().await.unwrap();
    }
}

on_both! {
    async fn the_events_of_a_subject_are_published_in_order(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        // The first attempt of every third event fails: its successor must wait for it.
        let mut tried = std::collections::BTreeSet::new();
        let receiver = Receiver::with(move |event| {
            let fails = event.id.as_u128() % 3 == 0 && tried.insert(event.id);
            let (status, headers, _) = status(if fails { 500 } else { 204 });
            (status, headers, Duration::from_millis(5))
        }).await;
        // Subjects of every kind, not only those in the order of time.
        let subjects = [Uuid::now_v7(), Uuid::new_v4(), Uuid::from_u128(1), Uuid::now_v7()];
        for subject in subjects {
            write(&database, subject, 0..3).await;
        }
        let relays: Vec<_> = (0..2)
            .map(|_| Relay::start(&mut relaying_patiently(&database, &receiver.url())))
            .collect();
        for subject in subjects {
            write(&database, subject, 3..5).await;
        }
        until_published(&database).await;
        relays.into_iter().for_each(Relay::stop);
        for subject in subjects {
            let mut seen = receiver.accepted();
            seen.retain(|event| event.subject == subject);
            let numbers: Vec<_> = seen.iter().map(|event| {
                let event: serde_json::Value = serde_json::from_str(&event.text).unwrap();
                event["data"]["number"].as_u64().unwrap()
            }).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4], "{subject}");
        }
        database.drop().await;
    }
}

on_both! {
    async fn an_event_that_is_committed_late_is_published(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        let receiver = Receiver::start().await;
        let relay = Relay::start(&mut relaying(&database, &receiver.url()));
        let late = Uuid::now_v7();
        tokio::time::sleep(Duration::from_millis(10)).await;
        write(&database, Uuid::now_v7(), 0..1).await;
        receiver.until(1).await;
        // Before the place where the relay goes on, by more than its margin.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        write(&database, Uuid::now_v7(), 0..1).await;
        receiver.until(2).await;
        write(&database, late, 0..1).await;
        assert_eq!(receiver.until(3).await[2].event().subject, late);
        until_published(&database).await;
        relay.stop();
        database.drop().await;
    }
}
