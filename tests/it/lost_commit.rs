//! The connection is lost when a batch commits: the outcome is unknown, and the clients must not
//! notice.

use crate::harness::{App, Backend, Bounds, Cut, Instance, Proxy, order};

/// What commits: on a session of our own the one statement of a batch, on one that a pooler lends
/// a COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    Own,
    Lent,
}

async fn nobody_notices(session: Session, cut: Cut) {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    let (word, parameter) = match session {
        Session::Own => ("tea", ""),
        // With its end: BEGIN speaks of READ COMMITTED.
        Session::Lent => ("COMMIT\0", "&pooler=transaction"),
    };
    let proxy = Proxy::start(&app.database, cut, word).await;
    let url = proxy.url(&app.database) + parameter;
    let instance = Instance::start_on(&url, Bounds::default()).await;

    // One request: the first client gets 201 and its own order, whichever side was lost.
    proxy.arm(1);
    let first = instance
        .client
        .place("single", order("tea", 1))
        .await
        .expect(201);
    assert_eq!(proxy.cuts_left(), 0, "the connection was cut");
    let replay = instance
        .client
        .place("single", order("tea", 1))
        .await
        .expect(200);
    assert_eq!(replay.body, first.body);
    assert_eq!(app.database.orders().await, 1);

    // Many requests, several of a key, several cuts.
    proxy.arm(5);
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..60 {
        let client = instance.client.clone();
        requests.spawn(async move {
            client
                .place(&format!("key-{}", n % 20), order("tea", 1))
                .await
        });
    }
    let replies = requests.join_all().await;
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 201).count(),
        20
    );
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        40
    );
    assert!(proxy.cuts_left() < 5, "connections were cut");
    assert_eq!(app.database.orders().await, 21);

    instance.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_run_again() {
    nobody_notices(Session::Own, Cut::BeforeCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_done_unheard_is_recognised_as_our_own() {
    nobody_notices(Session::Own, Cut::AfterCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_on_a_lent_session_is_run_again() {
    nobody_notices(Session::Lent, Cut::BeforeCommit).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_done_unheard_on_a_lent_session_is_recognised_as_our_own() {
    nobody_notices(Session::Lent, Cut::AfterCommit).await;
}
