//! The connection is lost while a batch commits. Whether it committed is unknown, and clients must
//! not see a difference.

use std::time::Duration;

use crate::harness::{App, Bounds, Fault, Instance, Proxy, Side, on_postgres, order};

/// How a batch commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    /// On a session that belongs to the lane.
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
}

/// The messages that commit. They end with their NUL: a preamble may say `READ COMMITTED`.
const COMMIT: &[&str] = &["COMMIT\0", "COMMIT AND CHAIN\0"];

async fn is_not_visible_to_clients(app: &App, session: Session, side: Side) {
    let proxy = Proxy::start(&app.database).await;
    let url = proxy.url(&app.database) + session.parameter();
    let instance = Instance::start_on(&url, Bounds::default()).await;
    let client = &instance.client;
    let cut = |times| Fault::Cut {
        markers: COMMIT,
        side,
        times,
    };

    // One request: its client gets 201 and its own order, whichever side was lost.
    proxy.inject(cut(1));
    let first = client.place("single", order("tea", 1)).await.expect(201);
    assert_eq!(proxy.cuts_left(), 0, "no connection was cut");
    let replay = client.place("single", order("tea", 1)).await.expect(200);
    assert_eq!(replay.body, first.body);
    assert_eq!(app.database.orders().await, 1);

    // Many requests, three for each key, and several cuts.
    proxy.inject(cut(5));
    let keys = (0..60).map(|n| format!("key-{}", n % 20));
    let replies = client.place_all(keys, &order("tea", 1)).await;
    let count = |status| replies.iter().filter(|r| r.status == status).count();
    assert_eq!((count(201), count(200)), (20, 40));
    assert!(proxy.cuts_left() < 5, "no connection was cut");
    assert_eq!(app.database.orders().await, 21);
    instance.stop().await;
}

on_postgres! {
    async fn a_commit_that_was_not_received_is_retried(app: &App) {
        is_not_visible_to_clients(app, Session::Own, Side::BeforeCommit).await;
    }
}

on_postgres! {
    async fn a_commit_whose_answer_was_lost_is_recognised(app: &App) {
        is_not_visible_to_clients(app, Session::Own, Side::AfterCommit).await;
    }
}

on_postgres! {
    async fn a_commit_that_was_not_received_is_retried_through_a_pooler(app: &App) {
        is_not_visible_to_clients(app, Session::Pooled, Side::BeforeCommit).await;
    }
}

on_postgres! {
    async fn a_commit_whose_answer_was_lost_is_recognised_through_a_pooler(app: &App) {
        is_not_visible_to_clients(app, Session::Pooled, Side::AfterCommit).await;
    }
}

/// Timeouts so long that only the database ends a transaction.
fn long_timeouts() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.executor.transaction_timeout = Duration::from_secs(20);
    bounds.executor.request_timeout = Duration::from_secs(30);
    bounds
}

on_postgres! {
    /// An instance stalls between its claim and its commit. The database ends the transaction
    /// (`idle_in_transaction_session_timeout`, 5 s here), and other instances get the key.
    async fn a_commit_that_stalls_does_not_keep_its_key(app: &App) {
        let idle = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND state = 'idle in transaction'";
        let proxy = Proxy::start(&app.database).await;
        let url = proxy.url(&app.database) + Session::Pooled.parameter();
        let stalling = Instance::start_on(&url, long_timeouts()).await;

        proxy.inject(Fault::Hold { markers: COMMIT });
        let stalled = stalling.client.spawn_place("key", order("tea", 1));
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
    }
}
