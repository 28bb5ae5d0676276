//! Records that can never become orders.

use rdkafka::message::Message;

use super::{
    DEAD_LETTERS, GROUP, TOPIC, broker, command, letter, metric, outcome, start, until_metric,
};
use crate::harness::{Record, header, on_both, order};

/// Every kind of poison, and its code.
fn poison() -> Vec<(Record, &'static str)> {
    let with_key = |payload: &str| Record::new(payload).header("Idempotency-Key", "never-used");
    let good = order("tea", 1);
    let keyed = |key: Vec<u8>| Record::new(good.clone()).header("Idempotency-Key", key);
    let body = [
        "",
        "{",
        "tea",
        "[]",
        r#"{"item":"tea"}"#,
        r#"{"item":"tea","quantity":0}"#,
        r#"{"item":"tea","quantity":"1"}"#,
        r#"{"item":" ","quantity":1}"#,
        r#"{"item":"a\u0000","quantity":1}"#,
        r#"{"item":"tea","quantity":1,"quantity":1}"#,
    ];
    let mut poison: Vec<(Record, &str)> = body
        .into_iter()
        .map(|payload| (with_key(payload), "BODY_INVALID"))
        .collect();
    poison.push((
        Record {
            payload: None,
            ..with_key("")
        },
        "BODY_INVALID",
    ));
    poison.push((with_key(&order(&"x".repeat(70_000), 1)), "BODY_TOO_LARGE"));
    for key in [
        Vec::new(),
        b"a b".to_vec(),
        "é".as_bytes().to_vec(),
        vec![0xff],
        vec![b'k'; 256],
        b"\"open".to_vec(),
    ] {
        poison.push((keyed(key), "IDEMPOTENCY_KEY_INVALID"));
    }
    let two = keyed(b"one".to_vec()).header("X-Idempotency-Key", "two");
    poison.push((two, "IDEMPOTENCY_KEY_INVALID"));
    let null = Record {
        headers: vec![("Idempotency-Key".to_owned(), None)],
        ..Record::new(order("tea", 1))
    };
    poison.push((null, "IDEMPOTENCY_KEY_INVALID"));
    poison.push((command("good-0", "tea", 99), "IDEMPOTENCY_KEY_REUSED"));
    poison
}

on_both! {
    async fn poison_of_every_kind_goes_to_the_dead_letter_topic(database: &TestDatabase) {
        let broker = broker(1).await;
        let poison = poison();
        let mut records = Vec::new();
        for (number, (record, _)) in poison.iter().enumerate() {
            records.push(command(&format!("good-{number}"), "tea", 1));
            let record = record.clone().header("trace", format!("t-{number}"));
            records.push(Record { key: Some(b"record-key".to_vec()), ..record });
        }
        broker.produce(TOPIC, &records).await;
        let consumer = start(database, &broker);
        let count = poison.len();
        broker.until_committed(GROUP, TOPIC, i64::try_from(2 * count).unwrap()).await;
        assert_eq!(database.orders().await, i64::try_from(count).unwrap());
        assert_eq!(outcome(&consumer.client, "created").await, count as u64);

        let letters = broker.read(DEAD_LETTERS, count).await;
        assert_eq!(letters.len(), count, "each is there once");
        for (number, (record, code)) in poison.iter().enumerate() {
            let place = format!("0/{}", 2 * number + 1);
            let found = letters.iter().find(|found| letter(found).0 == place);
            let found = found.unwrap_or_else(|| panic!("{place} ({code}) is missing"));
            assert_eq!(letter(found).1, *code, "{record:?}");
            // The record as it was, with the reason.
            assert_eq!(found.payload(), record.payload.as_deref());
            assert_eq!(found.key(), Some(&b"record-key"[..]));
            assert_eq!(header(found, "trace"), Some(format!("t-{number}")));
            let reason = header(found, "dead-letter-reason").unwrap();
            assert!(reason.len() > 10, "{code}: {reason}");
            let timestamp = header(found, "dead-letter-timestamp").unwrap();
            assert!(timestamp.parse::<i64>().unwrap() > 1_700_000_000_000);
        }
        consumer.stop();
    }
}

on_both! {
    async fn a_repaired_dead_letter_becomes_an_order(database: &TestDatabase) {
        let broker = broker(1).await;
        broker.produce(TOPIC, &[command("repaired", "tea", 0)]).await;
        let consumer = start(database, &broker);
        let letters = broker.read(DEAD_LETTERS, 1).await;
        // Sent again as it is, it is poison again, with one set of our headers.
        let again = |payload: &[u8]| {
            let mut record = Record::new(payload).header("Idempotency-Key", "repaired");
            for name in ["code", "reason", "offset"] {
                let name = format!("dead-letter-{name}");
                let value = header(&letters[0], &name).unwrap();
                record = record.header(&name, value);
            }
            record
        };
        let payload = letters[0].payload().unwrap();
        broker.produce(TOPIC, &[again(payload), again(order("tea", 5).as_bytes())]).await;
        broker.until_committed(GROUP, TOPIC, 3).await;
        let letters = broker.read(DEAD_LETTERS, 2).await;
        assert_eq!(letters.len(), 2);
        assert_eq!(letter(&letters[1]).0, "0/1");
        assert!(database.responses().await.contains_key("repaired"));
        until_metric(&consumer.client, "orders_consumer_dead_letters_total{reason=\"body_invalid\"}", 2)
            .await;
        assert_eq!(metric(&consumer.client, "orders_requests_total{outcome=\"invalid\"}").await, 2);
        consumer.stop();
    }
}
