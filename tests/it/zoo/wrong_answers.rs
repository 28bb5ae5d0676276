//! Wrong in what is answered, or in what is stored beside the answer.

use super::good::wait_and_replay;
use super::shop::{Kept, Reply};
use super::{CORRECT, Species};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "new-id-on-replay",
        wrong: "a replay answers 200 with another id",
        replay: |call, kept| {
            let mut other = kept.clone();
            other.order.id = call.draft().order.id;
            Reply::order(200, &other).replayed()
        },
        ..CORRECT
    },
    Species {
        name: "drifting-body",
        wrong: "a replay is rebuilt, and tells its age",
        replay: |_, kept| {
            let mut reply = Reply::order(200, kept).replayed();
            let age = format!(r#","age":{}}}"#, kept.since.elapsed().as_micros());
            reply.body = reply.body.replace('}', &age);
            reply
        },
        ..CORRECT
    },
    Species {
        name: "stored-unlike-answer",
        wrong: "stores at most 50 pieces, and answers what was asked",
        place: |call| {
            Box::pin(async move {
                if let Some(kept) = call.kept() {
                    return call.known(&kept);
                }
                let kept = call.draft();
                let mut clipped = kept.clone();
                clipped.order.payload.quantity = clipped.order.payload.quantity.min(50);
                call.store(&clipped);
                call.keep(&kept);
                Reply::order(201, &kept)
            })
        },
        ..CORRECT
    },
    Species {
        name: "acknowledged-not-stored",
        wrong: "one order in twenty is answered and kept, but not stored",
        place: |call| {
            Box::pin(async move {
                if let Some(kept) = call.kept() {
                    return call.known(&kept);
                }
                let kept = call.draft();
                if !scattered(kept.order.id).is_multiple_of(20) {
                    call.store(&kept);
                }
                call.keep(&kept);
                Reply::order(201, &kept)
            })
        },
        ..CORRECT
    },
    Species {
        name: "marker-lost-under-fire",
        wrong: "who waited for the first request gets a replay that does not say so",
        window: super::Window::LONG,
        place: |call| {
            Box::pin(async move {
                let waits = call.kept().is_none();
                let mut reply = wait_and_replay(call).await;
                if waits && reply.status == 200 {
                    reply
                        .headers
                        .retain(|(name, _)| *name != "idempotent-replayed");
                }
                reply
            })
        },
        ..CORRECT
    },
    Species {
        name: "missing-fingerprint",
        wrong: "another payload is answered with the first one's order",
        fingerprint: |_, _| String::new(),
        ..CORRECT
    },
    Species {
        name: "half-fingerprint",
        wrong: "the item is forgotten in the fingerprint",
        fingerprint: |_, payload| payload.quantity.to_string(),
        ..CORRECT
    },
    Species {
        name: "mismatch-executed",
        wrong: "another payload under the same key is another order",
        place: |call| {
            Box::pin(async move {
                match call.kept() {
                    Some(kept) if kept.fingerprint == call.fingerprint => call.known(&kept),
                    _ => call.fresh(),
                }
            })
        },
        ..CORRECT
    },
    Species {
        name: "mismatch-overwrites",
        wrong: "another payload is refused, after the order was updated",
        place: |call| {
            Box::pin(async move {
                let update = |kept: &Kept| {
                    let mut orders = call.shop.orders.lock().unwrap();
                    let stored = orders.iter_mut().find(|order| order.id == kept.order.id);
                    stored.unwrap().payload = call.payload.clone();
                };
                match call.kept() {
                    Some(kept) => {
                        if kept.fingerprint != call.fingerprint {
                            update(&kept);
                        }
                        call.known(&kept)
                    }
                    None => call.fresh(),
                }
            })
        },
        ..CORRECT
    },
    Species {
        name: "raw-fingerprint-strict",
        wrong: "the same JSON in another spelling is another payload (by the letter)",
        strict: true,
        fingerprint: |body, _| format!("{body:?}"),
        ..CORRECT
    },
];

/// A number without a pattern.
fn scattered(number: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 32
}
