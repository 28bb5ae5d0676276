//! `stock`: what is reserved never exceeds what there is, and a refusal is an answer for good.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::{Post, assert_replay, example, on_each, race, serve, serving};
use crate::harness::{Client, Process, Reply, TestDatabase};

/// The sum of all reservations.
const RESERVED: &str = "SELECT CAST(coalesce(sum(quantity), 0) AS BIGINT) FROM reservations";

/// Reservations without a key that was accepted.
const FOR_REFUSED: &str = "SELECT count(*) FROM reservations WHERE id NOT IN \
                           (SELECT resource FROM idempotency_keys WHERE refusal IS NULL)";

/// Changes nothing and locks the stock.
const LOCK: &str = "UPDATE stock SET pieces_left = pieces_left";

/// Long enough for requests to be queued behind one that waits.
const QUEUED: Duration = Duration::from_millis(300);

pub(super) fn reserve(key: impl Into<String>, quantity: i64) -> Post {
    Post::new("/reservations", key, &json!({ "quantity": quantity }))
}

async fn left(client: &Client) -> i64 {
    let stock = client.get("/stock").await.expect(200).json();
    stock["left"].as_i64().unwrap()
}

/// Asserts that every request is answered as it was the first time, by all instances.
pub(super) async fn assert_repeats(
    posts: &[Post],
    first: &BTreeMap<String, Reply>,
    clients: &[&Client],
) {
    let again = race(posts, clients).await;
    assert_eq!(again.len(), first.len());
    for (key, replies) in again {
        for reply in replies {
            assert_replay(&first[&key], &reply);
        }
    }
}

/// One fresh answer for each key and replays of it besides. Returns the fresh ones.
#[track_caller]
pub(super) fn first_of_each(replies: BTreeMap<String, Vec<Reply>>) -> BTreeMap<String, Reply> {
    let first = replies.into_iter().map(|(key, replies)| {
        let (later, fresh): (Vec<Reply>, Vec<Reply>) =
            replies.into_iter().partition(Reply::is_replay);
        assert_eq!(fresh.len(), 1, "{key}: {fresh:?}");
        for reply in &later {
            assert_replay(&fresh[0], reply);
        }
        (key, fresh.into_iter().next().unwrap())
    });
    first.collect()
}

/// Asserts that answers and tables agree: what was accepted is stored, and adds up with what is
/// left; nothing is stored for what was refused. Returns how many were accepted.
pub(super) async fn assert_consistent<'a>(
    database: &TestDatabase,
    pieces: i64,
    answers: impl IntoIterator<Item = &'a Reply>,
) -> usize {
    let (mut accepted, mut sum) = (BTreeSet::new(), 0);
    for answer in answers {
        let body = answer.json();
        if answer.status == 422 {
            assert_eq!(body["code"], "SOLD_OUT");
            assert_eq!(answer.header("location"), None);
            continue;
        }
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        let location = format!("/reservations/{}", answer.id());
        assert_eq!(answer.header("location"), Some(&*location));
        assert!(accepted.insert(answer.id()), "an id twice");
        sum += body["quantity"].as_i64().unwrap();
    }
    assert_eq!(database.count(RESERVED).await, sum);
    let left = database.count("SELECT pieces_left FROM stock").await;
    assert_eq!(left, pieces - sum);
    let rows = database.count("SELECT count(*) FROM reservations").await;
    assert_eq!(usize::try_from(rows).unwrap(), accepted.len());
    assert_eq!(database.count(FOR_REFUSED).await, 0);
    accepted.len()
}

/// 200 clients race for ten pieces, and each sends its request twice at once.
async fn race_for_ten(database: &TestDatabase, instances: &[Process]) {
    let clients: Vec<&Client> = instances.iter().map(|process| &process.client).collect();
    let posts: Vec<Post> = (0..200).map(|n| reserve(format!("key-{n}"), 1)).collect();
    let twice = [posts.clone(), posts.clone()].concat();
    let first = first_of_each(race(&twice, &clients).await);
    assert_eq!(first.len(), 200);
    assert_eq!(assert_consistent(database, 10, first.values()).await, 10);
    for client in &clients {
        assert_eq!(left(client).await, 0);
    }
    assert_repeats(&posts, &first, &clients).await;

    // Later: nothing is in memory any more.
    let later = serve("stock", database);
    assert_repeats(&posts, &first, &[&later.client]).await;
    assert_eq!(assert_consistent(database, 10, first.values()).await, 10);
    let keys = "SELECT count(*) FROM idempotency_keys";
    assert_eq!(database.count(keys).await, 200);
    let refused = "SELECT count(*) FROM idempotency_keys WHERE refusal = 422";
    assert_eq!(database.count(refused).await, 190);
}

on_each! {
    async fn ten_of_two_hundred_get_a_piece_and_all_hear_the_same_again(database: &TestDatabase) {
        race_for_ten(database, &[serve("stock", database)]).await;
    }
}

on_each! {
    async fn two_instances_share_a_stock(database: &TestDatabase) {
        race_for_ten(database, &[serve("stock", database), serve("stock", database)]).await;
    }
}

on_each! {
    async fn one_batch_accepts_some_and_refuses_others(database: &TestDatabase) {
        let server = serve("stock", database);
        let hold = database.begin(LOCK).await;
        let posts: Vec<Post> = (0..200).map(|n| reserve(format!("key-{n}"), 1)).collect();
        let release = async {
            tokio::time::sleep(QUEUED).await;
            hold.roll_back().await;
        };
        let clients = [&server.client];
        let (replies, ()) = tokio::join!(race(&posts, &clients), release);
        let first = first_of_each(replies);
        assert_eq!(assert_consistent(database, 10, first.values()).await, 10);
        assert_repeats(&posts, &first, &clients).await;
    }
}

on_each! {
    async fn threes_leave_one_for_somebody_who_wants_one(database: &TestDatabase) {
        let server = serve("stock", database);
        let posts: Vec<Post> = (0..20).map(|n| reserve(format!("key-{n}"), 3)).collect();
        let first = first_of_each(race(&posts, &[&server.client]).await);
        assert_eq!(assert_consistent(database, 10, first.values()).await, 3);
        assert_eq!(left(&server.client).await, 1);
        let refused = first.values().find(|reply| reply.status == 422).unwrap();
        assert_eq!(
            refused.text(),
            r#"{"error":"3 asked for, 1 left","code":"SOLD_OUT","left":1}"#
        );
        reserve("one", 1).to(&server.client).await.expect(201);
        reserve("one-more", 1).to(&server.client).await.expect(422);
        assert_eq!(left(&server.client).await, 0);
        assert_repeats(&posts, &first, &[&server.client]).await;
    }
}

on_each! {
    async fn nobody_is_refused_what_is_left(database: &TestDatabase) {
        let mut serving = [serving("stock", database), serving("stock", database)];
        let instances = serving.each_mut().map(|command| {
            Process::start(command.env("STOCK", "100"))
        });
        let clients = instances.each_ref().map(|process| &process.client);
        let hold = database.begin(LOCK).await;
        let quantity = |n: i64| [40, 1, 7, 3, 25][usize::try_from(n).unwrap() % 5];
        let posts: Vec<Post> = (0..100).map(|n| reserve(format!("key-{n}"), quantity(n))).collect();
        let release = async {
            tokio::time::sleep(QUEUED).await;
            hold.roll_back().await;
        };
        let (replies, ()) = tokio::join!(race(&posts, &clients), release);
        let first = first_of_each(replies);
        assert_consistent(database, 100, first.values()).await;
        let left = left(clients[0]).await;
        for post in &posts {
            // The stock never grows, so whoever could be served now could have been served then.
            let reply = &first[&post.key];
            let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
            let quantity = body["quantity"].as_i64().unwrap();
            assert!(reply.status == 201 || quantity > left, "{quantity} of {left}: {}", reply.text());
        }
        assert_repeats(&posts, &first, &clients).await;
    }
}

on_each! {
    async fn what_is_invalid_does_not_use_up_the_key(database: &TestDatabase) {
        let server = serve("stock", database);
        for body in [
            json!({}), json!([]), json!({ "quantity": null }), json!({ "quantity": "1" }),
            json!({ "quantity": 0 }), json!({ "quantity": -1 }), json!({ "quantity": 1.5 }),
            json!({ "quantity": 1e30 }),
        ] {
            let post = Post::new("/reservations", "key", &body);
            let reply = post.to(&server.client).await;
            reply.expect_error(400, "quantity must be a whole number from 1");
        }
        let reply = reserve("", 1).to(&server.client).await;
        reply.expect_error(400, "Idempotency-Key header is required");
        let huge = reserve("huge", i64::MAX).to(&server.client).await;
        huge.expect(422);
        let first = reserve("key", 2).to(&server.client).await.expect(201);
        let same = Post::new("/reservations", "key", &json!({ "quantity": 2.0 }));
        assert_replay(&first, &same.to(&server.client).await);
        let reply = reserve("key", 1).to(&server.client).await;
        reply.expect_error(409, "Idempotency key reused with different request");
        let refused = reserve("refused", 9).to(&server.client).await.expect(422);
        assert!(!refused.is_replay());
        let reply = reserve("refused", 1).to(&server.client).await;
        reply.expect_error(409, "Idempotency key reused with different request");
        assert_eq!(left(&server.client).await, 8);
    }
}

on_each! {
    async fn many_start_at_once_on_nothing_and_fill_the_stock_once(database: &TestDatabase) {
        let servers: Vec<Process> = std::thread::scope(|threads| {
            let starting: Vec<_> = (5..15)
                .map(|stock| threads.spawn(move || {
                    let mut command = serving("stock", database);
                    Process::start(command.env("STOCK", stock.to_string()))
                }))
                .collect();
            starting.into_iter().map(|server| server.join().unwrap()).collect()
        });
        let first = left(&servers[0].client).await;
        assert!((5..15).contains(&first));
        for server in &servers {
            assert_eq!(left(&server.client).await, first);
        }
    }
}

#[tokio::test]
async fn the_default_is_an_sqlite_file_that_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = |stock| Process::start(example("stock").current_dir(&folder).env("STOCK", stock));
    let server = start("3");
    let first = reserve("key", 1).to(&server.client).await.expect(201);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(folder.path().join("stock.db").is_file());

    let server = start("5");
    assert_eq!(left(&server.client).await, 2);
    assert_replay(&first, &reserve("key", 1).to(&server.client).await);
    server.signal("INT");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_setting_that_is_unusable_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, word) in [
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("DATABASE_URL", "mysql://me:s3cret@h/x", "postgres://"),
        ("PORT", "http", "\"http\""),
        ("HOST", "no.such.host.invalid", "no.such.host.invalid"),
        ("STOCK", "-1", "STOCK"),
    ] {
        let mut command = example("stock");
        let output = Process::output(command.current_dir(&folder).env(name, value));
        assert_eq!(output.status.code(), Some(1), "{name}={value}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(word), "{stderr}");
        assert!(!stderr.contains("s3cret"), "{stderr}");
    }
}
