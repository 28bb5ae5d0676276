//! The connection is lost while a batch commits. Whether it committed is unknown, and clients must
//! not see a difference.

use std::time::Duration;

use crate::harness::{App, Backend, Bounds, Fault, Instance, Proxy, Side, order};

/// How a batch commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// On a session of the lane's own.
    Own,
    /// Through a pooler in transaction mode.
    Pooled,
}

impl Session {
    /// What the URL of the proxy needs in addition.
    fn parameter(self) -> &'static str {
        match self {
            Self::Own => "",
            Self::Pooled => "&pooler=transaction",
        }
    }

    /// What only the request that commits contains. `COMMIT` ends with its NUL: `BEGIN` may speak
    /// of `READ COMMITTED`. On a session of its own a batch is one statement, with the item in it.
    fn commit(self) -> &'static str {
        match self {
            Self::Own => "tea",
            Self::Pooled => "COMMIT\0",
        }
    }
}

async fn a_lost_commit_is_not_visible_to_clients(session: Session, side: Side) {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    let proxy = Proxy::start(&app.database).await;
    let url = proxy.url(&app.database) + session.parameter();
    let instance = Instance::start_on(&url, Bounds::default()).await;
    let client = &instance.client;
    let cut = |times| Fault::Cut {
        marker: session.commit(),
        side,
        times,
    };

    // One request: its client gets 201 and its own order, whichever side was lost.
    proxy.inject(cut(1));
    let first = client.place("single", order("tea", 1)).await.expect(201);
    assert_eq!(proxy.cuts_left(), 0, "the connection was cut");
    let replay = client.place("single", order("tea", 1)).await.expect(200);
    assert_eq!(replay.body, first.body);
    assert_eq!(app.database.orders().await, 1);

    // Many requests, three for each key, and several cuts.
    proxy.inject(cut(5));
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (client, key) = (client.clone(), format!("key-{}", n % 20));
        requests.spawn(async move { client.place(&key, order("tea", 1)).await });
    }
    let replies = requests.join_all().await;
    let count = |status| replies.iter().filter(|r| r.status == status).count();
    assert_eq!((count(201), count(200)), (20, 40));
    assert!(proxy.cuts_left() < 5, "connections were cut");
    assert_eq!(app.database.orders().await, 21);

    instance.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_not_received_is_retried() {
    a_lost_commit_is_not_visible_to_clients(Session::Own, Side::BeforeCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_recognised() {
    a_lost_commit_is_not_visible_to_clients(Session::Own, Side::AfterCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_not_received_is_retried_through_a_pooler() {
    a_lost_commit_is_not_visible_to_clients(Session::Pooled, Side::BeforeCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_recognised_through_a_pooler() {
    a_lost_commit_is_not_visible_to_clients(Session::Pooled, Side::AfterCommit).await;
}

/// An instance stalls between its claim and its commit. The database ends the transaction
/// (`idle_in_transaction_session_timeout`, 5 s here), and other instances get the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_stalls_does_not_keep_its_key() {
    let idle = "SELECT count(*) FROM pg_stat_activity \
                WHERE datname = current_database() AND state = 'idle in transaction'";
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    let proxy = Proxy::start(&app.database).await;
    let url = proxy.url(&app.database) + Session::Pooled.parameter();
    let mut bounds = Bounds::default();
    bounds.executor.transaction_timeout = Duration::from_secs(20);
    bounds.executor.request_timeout = Duration::from_secs(30);
    let stalling = Instance::start_on(&url, bounds).await;

    proxy.inject(Fault::Hold {
        marker: Session::Pooled.commit(),
    });
    let stalled = tokio::spawn(stalling.client.clone().place_owned("key", order("tea", 1)));
    app.database.until(idle, |sessions| sessions == 1).await;
    let refused = app.client.place("key", order("tea", 1)).await.expect(409);
    assert_eq!(refused.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    let placed = loop {
        let reply = app.client.place("key", order("tea", 1)).await;
        if reply.status != 409 {
            break reply.expect(201);
        }
    };
    proxy.heal();
    let replay = stalled.await.unwrap().expect(200);
    assert_eq!(replay.body, placed.body);

    stalling.stop().await;
    app.finish().await;
}
