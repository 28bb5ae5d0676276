//! Transient refusals: key in use, overload, database away. Each test ends with a retry that
//! succeeds.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinSet;

use crate::harness::{App, Backend, Bounds, Client, Fault, Instance, Proxy, Reply, order};

const IN_USE: &str = "the first request with this Idempotency-Key is still in flight";
const OVERLOADED: &str = "too many requests are waiting, retry with the same Idempotency-Key";
const TIMED_OUT: &str = "the database did not answer in time, retry with the same Idempotency-Key";
const AWAY: &str = "the database is not available";

/// Short timeouts. The lock wait is one second.
fn short_timeouts() -> Bounds {
    let mut bounds = Bounds::default();
    bounds.executor.request_timeout = Duration::from_secs(3);
    bounds
}

/// Places an order as a client that accepts RFC 9457.
async fn place_for_problem_json(client: &Client, key: &str) -> Reply {
    let request = client.post(order("tea", 2)).header("idempotency-key", key);
    Reply::to(request.header("accept", "application/problem+json")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_first_request_is_in_flight_elsewhere_is_in_use_and_its_neighbours_are_not() {
    let app = App::start(Backend::Postgres, short_timeouts()).await;
    let held = app.database.hold("held").await;
    let (refused, neighbour) = tokio::join!(
        app.client.place("held", order("tea", 2)),
        app.client.place("neighbour", order("tea", 2)),
    );
    let refused = refused.expect_error(409, IN_USE);
    assert_eq!(refused.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(refused.header("retry-after"), Some("1"));
    neighbour.expect(201);

    let problem = place_for_problem_json(&app.client, "held")
        .await
        .expect(409);
    assert_eq!(
        problem.json()["title"],
        "A request is outstanding for this Idempotency-Key"
    );
    assert_eq!(problem.json()["code"], "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(problem.header("retry-after"), Some("1"));

    held.roll_back().await;
    app.client.place("held", order("tea", 2)).await.expect(201);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_sqlite_file_is_waited_for_until_the_timeout() {
    let app = App::start(Backend::Sqlite, short_timeouts()).await;
    let held = app.database.hold("held").await;
    let started = Instant::now();
    let refused = app.client.place("key", order("tea", 2)).await;
    let refused = refused.expect_error(503, TIMED_OUT);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(
        started.elapsed() < Duration::from_secs(9),
        "{:?}",
        started.elapsed()
    );
    app.client.get("/orders").await.expect(200);

    held.roll_back().await;
    // The request that timed out may have been executed all the same: this is its replay then.
    let again = app.client.place("key", order("tea", 2)).await;
    assert!(matches!(again.status, 200 | 201), "{}", again.text());
    assert_eq!(app.database.orders().await, 1);
    app.finish().await;
}

/// Of five requests one is executed and one is queued. At least three are refused at once, and four
/// if they arrive before the lane has taken the first.
async fn refuses_requests_beyond_its_queue(backend: Backend) {
    let mut bounds = short_timeouts();
    bounds.executor.lanes = NonZeroUsize::MIN;
    bounds.executor.batch_max = NonZeroUsize::MIN;
    bounds.executor.queue_max = NonZeroUsize::MIN;
    let app = App::start(backend, bounds).await;
    let held = app.database.hold("held").await;
    let mut requests = JoinSet::new();
    for _ in 0..5 {
        let client = app.client.clone();
        requests.spawn(async move { client.place("held", order("tea", 2)).await });
    }
    for _ in 0..3 {
        let refused = requests.join_next().await.unwrap().unwrap();
        let refused = refused.expect_error(503, OVERLOADED);
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    held.roll_back().await;
    let mut statuses = Vec::new();
    for mut reply in requests.join_all().await {
        if reply.status == 503 {
            reply.expect_error(503, OVERLOADED);
            reply = app.client.place("held", order("tea", 2)).await;
        }
        statuses.push(reply.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 201]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_sqlite() {
    refuses_requests_beyond_its_queue(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once_postgres() {
    refuses_requests_beyond_its_queue(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_refused_while_the_database_is_away() {
    let app = App::start(Backend::Postgres, Bounds::default()).await;
    let proxy = Proxy::start(&app.database).await;
    let instance = Instance::start_on(&proxy.url(&app.database), short_timeouts()).await;
    let client = &instance.client;
    let placed = app
        .client
        .place("before", order("tea", 2))
        .await
        .expect(201);
    let order_path = placed.header("location").unwrap();
    let paths = ["/health", "/orders", order_path];

    proxy.inject(Fault::Down);
    for path in paths {
        let refused = client.get(path).await.expect_error(503, AWAY);
        assert_eq!(refused.header("retry-after"), Some("1"), "{path}");
        let head = Reply::to(client.request(Method::HEAD, path))
            .await
            .expect(503);
        assert!(head.body.is_empty());
    }
    let (short, problem) = tokio::join!(
        client.place("during", order("tea", 2)),
        place_for_problem_json(client, "before"),
    );
    let short = short.expect_error(503, TIMED_OUT);
    assert_eq!(short.header("retry-after"), Some("1"));
    assert_eq!(problem.header("retry-after"), Some("1"));
    assert_eq!(problem.expect(503).json()["code"], "UNAVAILABLE");

    proxy.heal();
    client.place("during", order("tea", 2)).await.expect(201);
    let replay = app
        .client
        .place("before", order("tea", 2))
        .await
        .expect(200);
    assert_eq!(replay.body, placed.body);
    for path in paths {
        client.get(path).await.expect(200);
    }
    instance.stop().await;
    app.finish().await;
}
