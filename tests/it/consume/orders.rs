//! Commands become orders, and HTTP knows the same keys.

use rdkafka::message::Message;

use super::{
    DEAD_LETTERS, GROUP, TOPIC, broker, command, consuming, json, letter, metric, outcome, start,
    until_metric,
};
use crate::harness::{Process, Record, Reply, on_both, order};

on_both! {
    async fn every_command_becomes_one_order(database: &TestDatabase) {
        let broker = broker(2).await;
        let mut records: Vec<Record> = (0..200)
            .map(|number| command(&format!("key-{number}"), "tea", number + 1).partition(0))
            .collect();
        // The same commands again, also on the other partition, and some without a key.
        records.extend_from_within(..50);
        let elsewhere: Vec<Record> = records[..50].to_vec();
        records.extend(elsewhere.into_iter().map(|record| record.partition(1)));
        records.extend((0..30).map(|_| Record::new(order("cocoa", 1)).partition(1)));
        broker.produce(TOPIC, &records).await;

        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 330).await;
        assert_eq!(database.orders().await, 230);
        let client = &consumer.client;
        assert_eq!(outcome(client, "created").await, 230);
        assert_eq!(outcome(client, "replayed_from_database").await, 100);
        assert_eq!(metric(client, "orders_consumer_poll_size_sum").await, 330);
        let responses = database.responses().await;
        assert!(responses.contains_key("key-199"));
        let places = responses.keys().filter(|key| key.starts_with("order-commands/1/"));
        assert_eq!(places.count(), 30);
        client.get("/livez").await.expect(200);
        client.get("/health").await.expect(200);
        consumer.stop();

        // Another one begins where this one has ended.
        broker.produce(TOPIC, &[command("key-200", "mate", 1)]).await;
        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 331).await;
        assert_eq!(outcome(&consumer.client, "created").await, 1);
        assert_eq!(outcome(&consumer.client, "replayed_from_database").await, 0);
        consumer.stop();
        assert_eq!(database.orders().await, 231);
    }
}

on_both! {
    async fn http_and_kafka_with_one_key_are_one_order(database: &TestDatabase) {
        let broker = broker(1).await;
        let server = Process::serve(database);
        let placed = server.client.place("over-http", order("tea", 1)).await.expect(201);
        // A client may choose a key that looks like the place of a record.
        server.client.place("order-commands/0/3@0", order("tea", 9)).await.expect(201);
        broker
            .produce(TOPIC, &[
                // The spelling of the payload does not matter, and neither do quotes.
                Record::new(r#"{ "quantity": 1.0, "item": "tea" }"#)
                    .header("idempotency-key", "\"over-http\""),
                command("over-kafka", "cocoa", 2),
                command("over-http", "tea", 2),
                Record::new(order("mate", 3)),
            ])
            .await;
        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 4).await;
        assert_eq!(database.orders().await, 4);
        assert_eq!(outcome(&consumer.client, "replayed_from_database").await, 1);

        let replay = server.client.place("over-kafka", order("cocoa", 2)).await.expect(200);
        assert!(replay.is_replay());
        server.client.place("over-kafka", order("cocoa", 3)).await.expect(409);
        let replay = server.client.place("over-http", order("tea", 1)).await.expect(200);
        assert_eq!(replay.body, placed.body);

        // The other payload under a key of HTTP is poison.
        let letters = broker.read(DEAD_LETTERS, 1).await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letter(&letters[0]), ("0/2".to_owned(), "IDEMPOTENCY_KEY_REUSED".to_owned()));
        assert_eq!(json(&letters[0])["quantity"], 2);
        assert_eq!(letters[0].payload(), Some(order("tea", 2).as_bytes()));
        consumer.stop();
        server.stop();
    }
}

on_both! {
    async fn of_two_commands_with_one_key_the_first_has_it(database: &TestDatabase) {
        let broker = broker(1).await;
        let records: Vec<Record> = (0..40)
            .flat_map(|key| {
                let key = format!("key-{key}");
                (0..5).map(move |number| command(&key, "tea", number + 1))
            })
            .collect();
        broker.produce(TOPIC, &records).await;
        let consumer = start(database, &broker);
        broker.until_committed(GROUP, TOPIC, 200).await;
        for (key, response) in database.responses().await {
            let quantity = serde_json::from_slice::<serde_json::Value>(&response).unwrap();
            assert_eq!(quantity["quantity"], 1, "{key}");
        }
        let reused = "orders_consumer_dead_letters_total{reason=\"key_reused\"}";
        until_metric(&consumer.client, reused, 160).await;
        // In the order of the records.
        let letters = broker.read(DEAD_LETTERS, 160).await;
        let offsets = letters.iter().map(|record| letter(record).0);
        let expected = (0..200).filter(|offset| offset % 5 > 0);
        assert!(offsets.eq(expected.map(|offset| format!("0/{offset}"))));
        consumer.stop();
    }
}

on_both! {
    async fn commands_belong_to_the_tenant_of_the_consumer(database: &TestDatabase) {
        let broker = broker(1).await;
        // A record cannot name another tenant.
        let commands = [
            command("same", "tea", 1).header("tenant", "other").header("X-Tenant", "other"),
            Record::new(order("cocoa", 1)),
        ];
        broker.produce(TOPIC, &commands).await;
        let mut consumer = consuming(database, &broker.group_url(TOPIC));
        let consumer = Process::start(consumer.args(["--tenant", "acme"]));
        broker.until_committed(GROUP, TOPIC, 2).await;

        let server = Process::serve_with(database, &["--auth", "header=X-Tenant"]);
        let place = async |tenant: &str| {
            let request = server.client.post(order("tea", 1));
            Reply::to(request.header("idempotency-key", "same").header("X-Tenant", tenant)).await
        };
        assert!(place("acme").await.expect(200).is_replay());
        assert!(!place("other").await.expect(201).is_replay());
        let acme = "SELECT count(*) FROM orders WHERE tenant = 'acme'";
        assert_eq!(database.count(acme).await, 2);
        consumer.stop();
        server.stop();
    }
}
