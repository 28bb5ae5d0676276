//! Refused, unknown and unavailable are told apart.

use std::time::Duration;

use orders::client::{Client, Interruption, Key, PlaceError, Reason, Refusal, Settings};

use super::{Scripted, Step, beans, client};

async fn refused(steps: Vec<Step>) -> Refusal {
    let attempts = steps.len();
    let server = Scripted::start(steps).await;
    match client(&server, |_| {})
        .place(&Key::random(), &beans())
        .await
    {
        Err(PlaceError::Refused(refusal)) => {
            assert_eq!(server.asked().len(), attempts);
            refusal
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, code) in [
        (400, "BODY_INVALID"),
        (401, "TOKEN_INVALID"),
        (404, "NOT_FOUND"),
        (409, "IDEMPOTENCY_KEY_REUSED"),
        (409, "SOLD_OUT"),
        (413, "BODY_TOO_LARGE"),
        (415, "MEDIA_TYPE_UNSUPPORTED"),
    ] {
        let refusal = refused(vec![Step::error(status, code)]).await;
        assert_eq!(
            (refusal.status, refusal.code.as_deref()),
            (status, Some(code))
        );
        assert_eq!(refusal.message, "the reason");
        let reused = code == "IDEMPOTENCY_KEY_REUSED";
        assert_eq!(refusal.reason() == Reason::Reused, reused);
    }
}

#[tokio::test]
async fn a_refusal_without_a_body_of_the_contract_is_a_refusal() {
    let page = |status| vec![Step::Answer(status, Vec::new(), "<html></html>".to_owned())];
    let refusal = refused(page(403)).await;
    assert_eq!(refusal.to_string(), "403: Forbidden");
    // Redirects are not followed: another host would get the order.
    assert_eq!(refused(page(307)).await.status, 307);
}

#[tokio::test]
async fn problem_details_are_read_as_well() {
    let problem = r#"{"title":"Body is invalid","status":400,"detail":"item is blank","code":"BODY_INVALID"}"#;
    let refusal = refused(vec![Step::Answer(400, Vec::new(), problem.to_owned())]).await;
    assert_eq!(refusal.to_string(), "400 BODY_INVALID: item is blank");
}

#[tokio::test]
async fn an_expired_key_names_its_order() {
    let step = Step::error(409, "IDEMPOTENCY_KEY_EXPIRED").with("location", "/orders/01a2");
    let refusal = refused(vec![step]).await;
    assert_eq!(refusal.reason(), Reason::Expired);
    assert_eq!(refusal.location.as_deref(), Some("/orders/01a2"));
}

#[tokio::test]
async fn what_the_service_says_of_the_request_settles_lost_attempts() {
    for (status, code) in [(400, "BODY_INVALID"), (409, "IDEMPOTENCY_KEY_REUSED")] {
        let refusal = refused(vec![Step::Lose, Step::error(status, code)]).await;
        assert_eq!(refusal.status, status);
    }
}

#[tokio::test]
async fn what_the_service_says_of_the_caller_does_not_settle_lost_attempts() {
    for status in [307, 401, 403, 404] {
        let server = Scripted::start([Step::Lose, Step::error(status, "NO")]).await;
        let placed = client(&server, |_| {})
            .place(&Key::random(), &beans())
            .await;
        let Err(PlaceError::Unknown(unknown)) = placed else {
            panic!("{placed:?}")
        };
        assert!(matches!(unknown.last, Interruption::Refused(refusal) if refusal.status == status));
        assert_eq!(server.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_service_that_is_not_reached_is_not_an_unknown_outcome() {
    let url = {
        let server = Scripted::start([Step::Lose]).await;
        server.url()
    };
    let settings = Settings {
        deadline: Duration::from_millis(200),
        ..Settings::default()
    };
    let client = Client::with(&url, settings).unwrap();
    let placed = client.place(&Key::random(), &beans()).await;
    let Err(PlaceError::Unavailable(Interruption::Connect(reason))) = placed else {
        panic!("{placed:?}")
    };
    assert!(reason.contains("refused"), "{reason}");
}
