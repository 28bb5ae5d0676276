//! Several instances of one service on one database.

use std::sync::Arc;

use crate::harness::{App, Backend, Bounds, Client, Reply, order};

/// Three instances, every key sent four times to each at once, all keys in one storm.
async fn storm(app: &App) {
    const KEYS: usize = 40;
    let (second, third) = (app.another().await, app.another().await);
    let clients: Arc<[Client]> = [
        app.client.clone(),
        second.client.clone(),
        third.client.clone(),
    ]
    .into();
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..KEYS * 12 {
        let (clients, key) = (clients.clone(), n % KEYS);
        requests.spawn(async move {
            let client = &clients[n / KEYS % clients.len()];
            (
                key,
                client.place(&format!("key-{key}"), order("tea", 1)).await,
            )
        });
    }
    let mut by_key: Vec<Vec<Reply>> = vec![Vec::new(); KEYS];
    for (key, reply) in requests.join_all().await {
        by_key[key].push(reply);
    }
    for replies in by_key {
        let created = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(created, 1, "{replies:?}");
        assert!(
            replies
                .iter()
                .all(|reply| matches!(reply.status, 200 | 201)),
            "{replies:?}"
        );
        assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    }
    assert_eq!(app.database.orders().await, i64::try_from(KEYS).unwrap());
    second.stop().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_race_for_the_same_keys_on_postgres() {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    storm(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_race_where_serializable_is_the_default() {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    app.database
        .set("default_transaction_isolation", "serializable")
        .await;
    storm(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_instances_share_an_sqlite_file() {
    let app = App::start(Backend::Sqlite, Bounds::default()).await;
    storm(&app).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_connections_is_away_and_not_a_bug() {
    let mut bounds = Bounds::default();
    bounds.executor.request_timeout = std::time::Duration::from_secs(1);
    let app = App::start(Backend::Postgres, bounds).await;
    app.client
        .place("before", order("tea", 1))
        .await
        .expect(201);
    app.database.take_connections(false).await;
    app.client.place("key", order("tea", 1)).await.expect(503);
    app.client.get("/orders").await.expect(503);
    app.client.get("/health").await.expect(503);
    app.database.take_connections(true).await;
    let retry = app.client.persist("key", &order("tea", 1)).await;
    assert!(matches!(retry.status, 200 | 201), "{}", retry.text());
    app.client.get("/orders").await.expect(200);
    app.finish().await;
}
