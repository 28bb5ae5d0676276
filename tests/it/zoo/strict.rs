//! `--strict`: for every line of deviations there is a species that is convicted under it, and not
//! without it.

use orders::hammer::{Scenario, Verdict};

use super::good::wait_and_replay;
use super::shop::Reply;
use super::{CORRECT, Lax, Species, Window, Work, hammer};

const STRICT: Species = Species {
    strict: true,
    ..CORRECT
};

/// The species, and the words that the report has for its deviation.
#[rustfmt::skip]
const SPECIES: &[(Species, &str)] = &[
    (Species { name: "created-with-200", place: |call| changed(call, |reply| {
        reply.status = if reply.status == 201 { 200 } else { reply.status };
    }), ..STRICT }, "a new order is answered 200, not 201"),
    (Species { name: "replayed-with-201", replay: |_, kept| Reply::order(201, kept).replayed(), ..STRICT },
        "a replay is answered 201, not 200"),
    (Species { name: "unmarked", replay: |_, kept| Reply::order(200, kept), ..STRICT },
        "a replay does not carry Idempotent-Replayed: true"),
    (Species { name: "replayed-without-location", replay: |_, kept| {
        let mut reply = Reply::order(200, kept);
        reply.headers.clear();
        reply.replayed()
    }, ..STRICT }, "a replay does not carry Location"),
    (Species { name: "without-location", place: |call| changed(call, |reply| {
        reply.headers.retain(|(name, _)| *name != "location");
    }), ..STRICT }, "a new order is answered without Location"),
    (Species { name: "mismatch-422", place: |call| changed(call, |reply| {
        reply.status = if reply.status == 409 { 422 } else { reply.status };
    }), ..STRICT }, "a different payload is answered 422, not 409"),
    (Species { name: "raw-fingerprint", fingerprint: |body, _| format!("{body:?}"), ..STRICT },
        "the same JSON in another spelling is a different payload"),
    (Species { name: "same-json", fingerprint: |body, _| format!("{body:?}"), ..STRICT },
        "same-json-same-payload"),
    (Species { name: "other-bytes", replay: |_, kept| {
        let mut reply = Reply::order(200, kept).replayed();
        reply.body = reply.body.replace(',', ", ");
        reply
    }, ..STRICT }, "same-bytes"),
    (Species { name: "mismatch-without-code", place: |call| changed(call, |reply| {
        if reply.status == 409 {
            r#"{"error":"used"}"#.clone_into(&mut reply.body);
        }
    }), ..STRICT }, "mismatch-is-final"),
    (Species { name: "valid-refused", place: |call| {
        let unlucky = call.key.bytes().map(u32::from).sum::<u32>().is_multiple_of(5);
        if unlucky && !call.key.contains("contract") {
            return Box::pin(async { Reply::new(400, r#"{"error":"no"}"#) });
        }
        wait_and_replay(call)
    }, ..STRICT }, "valid-is-accepted"),
    (Species { name: "busy-without-a-time", window: Window::LONG, place: |call| {
        Box::pin(async move {
            let mut reply = super::good::refuse_in_flight(call, Reply::in_use).await;
            reply.headers.retain(|(name, _)| *name != "retry-after");
            reply
        })
    }, ..STRICT }, "says-when-to-retry"),
    (Species { name: "other-words", lax: Lax::MissingKey(r#"{"error":"No key"}"#), ..STRICT },
        "key-required"),
    (Species { name: "long-keys", lax: Lax::LongKeys, ..STRICT }, "key-syntax"),
    (Species { name: "quoted-keys", lax: Lax::QuotedKeys, ..STRICT }, "quoted-is-bare"),
    (Species { name: "invalid-bodies", lax: Lax::InvalidBodies, ..STRICT }, "an invalid body was accepted"),
    (Species { name: "spent-keys", lax: Lax::SpentKeys, ..STRICT }, "the corrected body was answered"),
    (Species { name: "listed-twice", lax: Lax::List, ..STRICT }, "listed-once"),
];

/// The correct server, with a change of every answer to an order.
fn changed(call: super::Call, change: fn(&mut Reply)) -> Work {
    Box::pin(async move {
        let mut reply = wait_and_replay(call).await;
        change(&mut reply);
        reply
    })
}

const SCENARIOS: [Scenario; 3] = [Scenario::Pair, Scenario::Mismatch, Scenario::SameJson];

async fn judged(species: Species) -> (Verdict, String) {
    let report = hammer(species, 1, &SCENARIOS).await;
    (report.verdict(), report.text(false))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_deviation_is_a_violation_of_a_strict_run_only() {
    for (species, words) in SPECIES {
        let (verdict, said) = judged(*species).await;
        let name = species.name;
        assert_eq!(verdict, Verdict::Violated, "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
        assert!(
            !said.contains("deviations from the contract"),
            "{name}: {said}"
        );
        let (verdict, said) = judged(Species {
            strict: false,
            ..*species
        })
        .await;
        assert_ne!(verdict, Verdict::Violated, "{name}: {said}");
        let (_, deviations) = said
            .split_once("deviations from the contract")
            .expect(&said);
        assert!(deviations.contains(words), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn white_space_in_a_refusal_is_no_deviation() {
    let lax = Lax::MissingKey("{ \"error\" : \"Idempotency-Key header is required\" }\n");
    let (verdict, said) = judged(Species {
        name: "spaced",
        lax,
        ..STRICT
    })
    .await;
    assert_eq!(verdict, Verdict::Held, "{said}");
}
