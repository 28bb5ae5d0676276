//! What is retried, when, and with which key.

use std::time::{Duration, Instant, SystemTime};

use orders::client::{Interruption, Key, PlaceError};

use super::{Scripted, Step, beans, client};

#[tokio::test]
async fn every_transient_failure_is_retried_with_the_same_request() {
    let later = |step: Step| step.with("retry-after", "0");
    let html = Step::Answer(200, Vec::new(), "<html>Sign in</html>".to_owned());
    let steps = [
        later(Step::error(503, "UNAVAILABLE")),
        later(Step::error(409, "IDEMPOTENCY_KEY_IN_USE")),
        later(Step::error(429, "TOO_MANY_REQUESTS")),
        Step::error(408, "BODY_TIMEOUT"),
        Step::error(500, "INTERNAL"),
        Step::Answer(502, Vec::new(), "<html>Bad gateway</html>".to_owned()),
        Step::Lose,
        html,
        Step::order(200).with("idempotent-replayed", "true"),
    ];
    let attempts = u32::try_from(steps.len()).unwrap();
    let server = Scripted::start(steps).await;
    let key = Key::random();
    let placed = client(&server, |_| {}).place(&key, &beans()).await.unwrap();
    assert_eq!(
        (placed.order.id.as_str(), placed.order.quantity),
        ("01a2", 2)
    );
    assert!(placed.replayed);
    assert_eq!(placed.attempts, attempts);
    let asked = server.asked();
    assert_eq!(asked.len(), attempts as usize);
    assert!(asked.iter().all(|one| *one == asked[0]));
    assert_eq!(asked[0].path, "/orders");
    assert_eq!(asked[0].headers["idempotency-key"], key.as_str());
    assert_eq!(asked[0].headers["content-type"], "application/json");
    assert_eq!(&asked[0].body[..], br#"{"item":"beans","quantity":2}"#);
}

#[tokio::test]
async fn an_attempt_without_an_answer_ends_and_is_retried() {
    let server = Scripted::start([Step::Hang, Step::order(201)]).await;
    let client = client(&server, |settings| {
        settings.attempt_timeout = Duration::from_millis(100);
    });
    let placed = client.place(&Key::random(), &beans()).await.unwrap();
    assert_eq!((placed.attempts, placed.replayed), (2, false));
}

#[tokio::test]
async fn the_wait_that_the_service_asks_for_is_kept() {
    let soon = SystemTime::now() + Duration::from_hours(1);
    let date = |after: u64| httpdate::fmt_http_date(soon + Duration::from_secs(after));
    let unavailable = || Step::error(503, "UNAVAILABLE");
    // The clock of this service is an hour fast.
    let by_date = unavailable()
        .with("date", date(0))
        .with("retry-after", date(1));
    let limited = Step::error(429, "TOO_MANY_REQUESTS").with("retry-after", "1");
    for step in [unavailable().with("retry-after", "1"), limited, by_date] {
        let server = Scripted::start([step, Step::order(201)]).await;
        let begin = Instant::now();
        let placed = client(&server, |_| {})
            .place(&Key::random(), &beans())
            .await;
        assert_eq!(placed.unwrap().attempts, 2);
        let elapsed = begin.elapsed();
        let expected = Duration::from_secs(1)..Duration::from_secs(8);
        assert!(expected.contains(&elapsed), "{elapsed:?}");
    }
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let hour = |step: Step| step.with("retry-after", "3600");
    let server = Scripted::start([hour(Step::error(503, "UNAVAILABLE"))]).await;
    let begin = Instant::now();
    let error = client(&server, |_| {})
        .place(&Key::random(), &beans())
        .await;
    let error = error.unwrap_err();
    assert!(matches!(&error, PlaceError::Unknown(unknown) if unknown.attempts == 1));
    assert!(error.to_string().contains("retry after 3600 s"), "{error}");

    let server = Scripted::start([hour(Step::error(429, "TOO_MANY_REQUESTS"))]).await;
    let error = client(&server, |_| {})
        .place(&Key::random(), &beans())
        .await;
    // A rate limit says that the request was not processed.
    let error = error.unwrap_err();
    assert!(matches!(
        error,
        PlaceError::Unavailable(Interruption::Later { .. })
    ));
    assert!(begin.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn attempts_end_with_the_deadline() {
    let server = Scripted::start([Step::Lose]).await;
    let client = client(&server, |settings| {
        settings.deadline = Duration::from_millis(300);
    });
    let begin = Instant::now();
    let key = Key::random();
    let error = client.place(&key, &beans()).await.unwrap_err();
    assert!(
        matches!(&error, PlaceError::Unknown(unknown) if unknown.attempts > 3),
        "{error}"
    );
    assert!(begin.elapsed() < Duration::from_secs(8));
    // Never another key.
    assert!(server.keys().iter().all(|sent| sent == key.as_str()));
}

#[tokio::test]
async fn the_token_is_sent_with_every_attempt() {
    let server = Scripted::start([Step::Lose, Step::order(201)]).await;
    let client = client(&server, |_| {}).authorized("s3cret").unwrap();
    client.place(&Key::random(), &beans()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers["authorization"] == "Bearer s3cret")
    );
    assert!(!format!("{client:?}").contains("s3cret"));
}
