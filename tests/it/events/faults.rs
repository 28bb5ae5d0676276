//! Events survive the death of relays and of the database.

use std::process::Stdio;
use std::time::Duration;

use super::receiver::status;
use super::{
    Receiver, Relay, SECRET, append, assert_one_for_each, lines, place, relaying,
    relaying_patiently, serving, until_published,
};
use crate::harness::{Fault, Process, Proxy, TestDatabase, on_both, on_postgres};

on_both! {
    async fn a_relay_that_is_killed_while_it_publishes_loses_nothing(database: &TestDatabase) {
        let receiver = Receiver::with(|_| (204, Vec::new(), Duration::from_millis(20))).await;
        let server = serving(database);
        place(&server, 0..300).await;
        for round in 1..=3 {
            let relay = Relay::start(&mut relaying(database, &receiver.url()));
            receiver.until(round * 40).await;
            relay.kill();
            assert!(database.backlog().await > 0, "killed too late");
        }
        let relay = Relay::start(&mut relaying(database, &receiver.url()));
        // Also what the others had leased.
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}

on_both! {
    async fn a_server_that_is_killed_loses_no_event(database: &TestDatabase) {
        let receiver = Receiver::with(|_| (204, Vec::new(), Duration::from_millis(5))).await;
        let start = || {
            let mut command = Process::serving(database);
            command.env("ORDERS_WEBHOOK_SECRET", SECRET);
            command.env("ORDERS_PUBLISH_TIMEOUT", "1s");
            Process::start(command.args(["--events", &receiver.url()]))
        };
        for round in 0..3 {
            let server = start();
            let placing = (0..200).map(|number| {
                let client = server.client.clone();
                let key = format!("key-{round}-{number}");
                tokio::spawn(async move { client.try_place(&key, r#"{"item":"tea","quantity":2}"#).await })
            });
            let placing: Vec<_> = placing.collect();
            receiver.until(round * 60 + 30).await;
            server.kill();
            for one in placing {
                let _ = one.await.unwrap();
            }
        }
        let server = start();
        until_published(database).await;
        server.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
    }
}

on_both! {
    async fn a_stopped_relay_gives_back_what_it_has_not_published(database: &TestDatabase) {
        let receiver = Receiver::with(|_| (204, Vec::new(), Duration::from_millis(100))).await;
        let server = serving(database);
        place(&server, 0..200).await;
        let relay = Relay::start(&mut relaying_patiently(database, &receiver.url()));
        receiver.until(20).await;
        relay.stop();
        let sent = receiver.accepted().len();
        let left = database.backlog().await;
        assert_eq!(i64::try_from(sent).unwrap() + left, 200, "no event twice, none lost");
        assert_eq!(database.count("SELECT count(*) FROM outbox WHERE due_at IS NULL").await, left);
        // So the next relay need not wait for the end of a lease.
        receiver.answer(|_| status(204));
        let relay = Relay::start(&mut relaying_patiently(database, &receiver.url()));
        until_published(database).await;
        relay.stop();
        assert_eq!(receiver.received().len(), 200);
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}

on_postgres! {
    async fn a_database_that_is_away_stops_nothing_for_good(database: &TestDatabase) {
        let receiver = Receiver::with(|_| (204, Vec::new(), Duration::from_millis(10))).await;
        let proxy = Proxy::start(database).await;
        let server = serving(database);
        place(&server, 0..300).await;
        let mut command = relaying(database, &receiver.url());
        command.env("DATABASE_URL", proxy.url(database));
        let relay = Relay::start(&mut command);
        for round in 1..=3 {
            receiver.until(round * 30).await;
            proxy.inject(Fault::Down);
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.inject(Fault::None);
        }
        until_published(database).await;
        relay.stop();
        assert_one_for_each(&receiver.accepted(), &database.order_ids().await);
        server.stop();
    }
}

on_both! {
    async fn a_relay_to_stdout_ends_when_nobody_reads(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("events");
        let server = serving(&database);
        place(&server, 0..5).await;
        let mut command = Process::on(&database, &["relay", "--events", "stdout:"]);
        let mut relay = command.stdout(Stdio::piped()).spawn().unwrap();
        drop(relay.stdout.take());
        let ended = tokio::task::spawn_blocking(move || relay.wait().unwrap());
        assert_eq!(ended.await.unwrap().code(), Some(0));
        // Nothing was lost.
        let relay = Relay::start(command.stdout(Stdio::from(append(&file))));
        until_published(&database).await;
        relay.stop();
        assert_one_for_each(&lines(&file), &database.order_ids().await);
        server.stop();
        database.finish().await;
    }
}
