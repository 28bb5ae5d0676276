//! Several instances of a service on one database.

use crate::harness::{App, Bounds, on_both, on_postgres, order};

/// Sends each of 40 keys four times to each of three instances, all at the same time.
async fn storm(app: &App) {
    const KEYS: usize = 40;
    const COPIES: usize = 4;
    let (second, third) = (app.another().await, app.another().await);
    let keys = || (0..KEYS * COPIES).map(|n| format!("key-{}", n % KEYS));
    let body = order("tea", 1);
    let replies = tokio::join!(
        app.client.place_all(keys(), &body),
        second.client.place_all(keys(), &body),
        third.client.place_all(keys(), &body),
    );
    let replies = [replies.0, replies.1, replies.2].concat();
    for key in 0..KEYS {
        // `KEYS` divides the number of requests to each instance.
        let replies: Vec<_> = replies.iter().skip(key).step_by(KEYS).collect();
        let count = |status| replies.iter().filter(|r| r.status == status).count();
        assert_eq!((count(201), count(200)), (1, 3 * COPIES - 1), "{replies:?}");
        assert!(replies.iter().all(|reply| reply.body == replies[0].body));
    }
    assert_eq!(app.database.orders().await, i64::try_from(KEYS).unwrap());
    second.stop().await;
    third.stop().await;
}

on_both! {
    async fn three_instances_race_for_the_same_keys(app: &App) {
        storm(app).await;
    }
}

on_postgres! {
    async fn three_instances_race_where_serializable_is_the_default(app: &App) {
        app.database.set("default_transaction_isolation", "serializable").await;
        storm(app).await;
    }
}

fn short_deadline() -> Bounds {
    Bounds::with(|bounds| bounds.executor.request_timeout = std::time::Duration::from_secs(1))
}

on_postgres! {
    async fn a_database_that_refuses_connections_is_503_until_it_accepts_them(
        app: &App with short_deadline()
    ) {
        app.client.place("before", order("tea", 1)).await.expect(201);
        app.database.allow_connections(false).await;
        app.client.place("key", order("tea", 1)).await.expect(503);
        app.client.get("/orders").await.expect(503);
        app.client.get("/health").await.expect(503);
        app.database.allow_connections(true).await;
        app.client.place_with_retries("key", &order("tea", 1)).await.expect_order();
        app.client.get("/orders").await.expect(200);
    }
}
