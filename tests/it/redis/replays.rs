//! Replays from Redis, counted by a trigger in the database.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::start;
use crate::harness::{Backend, RedisServer, TestDatabase, on_both, order};

/// Counts the rows that claims try to insert, also where the key exists.
async fn count_claims(database: &TestDatabase) {
    database.execute("CREATE TABLE claims (key text)").await;
    if database.backend == Backend::Sqlite {
        let trigger = "CREATE TRIGGER count_claims BEFORE INSERT ON idempotency_keys \
                       BEGIN INSERT INTO claims VALUES (NEW.key); END";
        return database.execute(trigger).await;
    }
    database
        .execute(
            "CREATE FUNCTION count_claim() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN INSERT INTO claims VALUES (NEW.key); RETURN NEW; END'; \
             CREATE TRIGGER count_claims BEFORE INSERT ON idempotency_keys \
             FOR EACH ROW EXECUTE FUNCTION count_claim()",
        )
        .await;
}

const CLAIMS: &str = "SELECT count(*) FROM claims WHERE key LIKE 'key-%'";
const KEYS: usize = 40;
const ORIGINAL: &str = "idempotent-original-request-id";

/// The value of an entry as release 0.1.0 wrote it: without the request id.
fn of_former_release(name: &str, value: &[u8]) -> Vec<u8> {
    let (generation, digest) = name[8..].split_once("}:").unwrap();
    let hex = |text| Uuid::parse_str(text).unwrap();
    assert_eq!(value[0], 2);
    // Behind version and checksum: resource, status, and the fingerprint with its length.
    let (head, rest) = value[17..].split_at(16 + 2 + 1 + 33);
    let body = &rest[1 + usize::from(rest[0])..];
    let content = [head, body].concat();
    let checksum = Sha256::new()
        .chain_update([1])
        .chain_update(hex(generation))
        .chain_update(hex(digest))
        .chain_update(&content)
        .finalize();
    [&[1], &checksum[..16], &content].concat()
}

on_both! {
    async fn an_entry_of_the_former_release_is_replayed(database: &TestDatabase) {
        count_claims(database).await;
        let redis = RedisServer::start();
        let instance = start(database, &redis).await;
        let known: Vec<String> = redis.command(&[b"KEYS", b"orders:{*}:*"]);
        let first = instance.client.place("key-1", order("beans", 2)).await.expect(201);
        redis.until_entries(known.len() + 1).await;
        let names: Vec<String> = redis.command(&[b"KEYS", b"orders:{*}:*"]);
        let name = names.iter().find(|name| !known.contains(name)).unwrap();
        let value: Vec<u8> = redis.command(&[b"GET", name.as_bytes()]);
        let former = of_former_release(name, &value);
        redis.command::<()>(&[b"SET", name.as_bytes(), &former]);
        let claims = database.count(CLAIMS).await;
        let replay = instance.client.place("key-1", order("beans", 2)).await.expect(200);
        assert_eq!(replay.body, first.body);
        assert_eq!(replay.header(ORIGINAL), None);
        assert_eq!(database.count(CLAIMS).await, claims, "the database was asked");
        instance.stop().await;
    }
}

on_both! {
    async fn a_second_instance_replays_without_the_database(database: &TestDatabase) {
        count_claims(database).await;
        let redis = RedisServer::start();
        let (one, other) = (start(database, &redis).await, start(database, &redis).await);
        let shared = redis.entries();
        let keys: Vec<String> = (0..KEYS).map(|number| format!("key-{number}")).collect();
        let placed = one.client.place_all(&keys, &order("beans", 2)).await;
        redis.until_entries(shared + KEYS).await;
        let claims = database.count(CLAIMS).await;
        assert!(claims >= 40, "the trigger counts: {claims}");

        let replayed = other.client.place_all(&keys, &order("beans", 2)).await;
        for (first, again) in placed.iter().zip(replayed) {
            assert_eq!(first.status, 201);
            let again = again.expect(200).expect_order();
            assert_eq!(again.body, first.body);
            assert_eq!(again.header("location"), first.header("location"));
            assert_eq!(again.header(ORIGINAL), first.header("x-request-id"));
        }
        let reused = "Idempotency key reused with different request";
        for reply in other.client.place_all(&keys, &order("beans", 3)).await {
            reply.expect_error(409, reused);
        }
        assert_eq!(database.count(CLAIMS).await, claims, "the database was asked");

        // The same without what Redis had.
        redis.command::<()>(&[b"FLUSHALL"]);
        let replayed = other.client.place_all(&keys, &order("beans", 2)).await;
        for (first, again) in placed.iter().zip(replayed) {
            assert_eq!(again.expect(200).expect_order().body, first.body);
        }
        assert_eq!(database.count(CLAIMS).await, claims + 40);
        one.stop().await;
        other.stop().await;
    }
}

on_both! {
    async fn entries_expire(database: &TestDatabase) {
        let redis = RedisServer::start();
        let instance = start(database, &redis).await;
        let names: Vec<Vec<u8>> = redis.command(&[b"KEYS", b"orders:{*}:*"]);
        assert!(!names.is_empty());
        for name in names {
            let left: i64 = redis.command(&[b"PTTL", &name]);
            assert!((1..=60_000).contains(&left), "{left}");
        }
        instance.stop().await;
    }
}
