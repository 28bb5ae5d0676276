//! `stock` dies in the middle of a race: nothing is reserved twice, and no answer changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::stock::{assert_consistent, assert_repeats, first_of_each, reserve};
use super::{Post, assert_replay, on_each, race, serve, serving};
use crate::harness::{Process, Reply, TestDatabase};

/// What was heard before a crash, by key.
type Heard = BTreeMap<String, Reply>;

fn posts() -> Vec<Post> {
    (0..200).map(|n| reserve(format!("key-{n}"), 1)).collect()
}

/// Asserts that an answer to a key is what was heard before, if anything was.
#[track_caller]
fn hear(heard: &mut Heard, key: String, reply: Reply) {
    if let Some(first) = heard.get(&key) {
        assert_replay(first, &reply);
    } else {
        heard.insert(key, reply);
    }
}

/// All requests, one shortly after the other, until some are answered and the server is killed.
async fn race_until_killed(server: Process, some: u32, heard: &mut Heard) -> usize {
    let answered = Arc::new(Semaphore::new(0));
    let mut requests = JoinSet::new();
    for (post, n) in posts().into_iter().zip(0..) {
        let (client, answered) = (server.client.clone(), answered.clone());
        requests.spawn(async move {
            tokio::time::sleep(Duration::from_micros(500 * n)).await;
            let reply = post.try_to(&client).await;
            answered.add_permits(1);
            (post.key, reply)
        });
    }
    drop(answered.acquire_many(some).await.unwrap());
    server.kill();
    let replies = requests.join_all().await;
    let cut_off = replies.iter().filter(|(_, reply)| reply.is_none()).count();
    for (key, reply) in replies {
        if let Some(reply) = reply {
            hear(heard, key, reply);
        }
    }
    cut_off
}

/// After the crashes: every key gets its answer, and the tables agree with all that was heard.
async fn assert_converges(database: &TestDatabase, mut heard: Heard) {
    let server = serve("stock", database);
    let clients = [&server.client];
    for (key, replies) in race(&posts(), &clients).await {
        for reply in replies {
            hear(&mut heard, key.clone(), reply);
        }
    }
    assert_eq!(heard.len(), 200);
    assert_eq!(assert_consistent(database, 10, heard.values()).await, 10);
    assert_repeats(&posts(), &heard, &clients).await;
}

on_each! {
    async fn kill_9_in_the_middle_of_a_race(database: &TestDatabase) {
        let mut heard = Heard::new();
        let mut cut_off = 0;
        for some in [1, 4, 30, 150] {
            cut_off += race_until_killed(serve("stock", database), some, &mut heard).await;
        }
        assert!(cut_off > 0 && !heard.is_empty(), "killed in the middle of the race");
        assert_converges(database, heard).await;
    }
}

on_each! {
    async fn a_crash_at_any_step_of_a_batch(database: &TestDatabase) {
        for at in ["after-claim", "after-apply", "before-commit", "after-commit", "before-answer"] {
            let mut command = serving("stock", database);
            let server = Process::start(command.env("ORDERS_CRASH_AT", at));
            let mut requests = JoinSet::new();
            for post in posts() {
                let client = server.client.clone();
                requests.spawn(async move { post.try_to(&client).await });
            }
            let replies = requests.join_all().await;
            assert!(replies.iter().all(Option::is_none), "{at}: nobody was answered");
            assert_eq!(server.wait(), None, "{at}: it did not end, it was aborted");
            if at == "before-commit" {
                assert_eq!(database.count("SELECT count(*) FROM reservations").await, 0);
            }
        }
        assert_converges(database, Heard::new()).await;
    }
}

on_each! {
    async fn a_race_after_a_stored_but_unheard_batch(database: &TestDatabase) {
        let mut command = serving("stock", database);
        let server = Process::start(command.env("ORDERS_CRASH_AT", "before-answer"));
        let first = posts()[0].try_to(&server.client).await;
        assert!(first.is_none());
        assert_eq!(server.wait(), None);
        let server = serve("stock", database);
        let replies = race(&posts()[1..], &[&server.client]).await;
        let mut heard = first_of_each(replies);
        let own = posts()[0].to(&server.client).await.expect(200);
        assert!(own.is_replay());
        hear(&mut heard, posts()[0].key.clone(), own);
        assert_eq!(assert_consistent(database, 10, heard.values()).await, 10);
    }
}
