//! Servers with wrong answers, or answers that differ from what is stored.

use super::good::wait_and_replay;
use super::shop::{Kept, Reply};
use super::{CORRECT, Species};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "new-id-on-replay",
        wrong: "a replay answers 200 with a new id",
        replay: |call, kept| {
            let mut other = kept.clone();
            other.order.id = call.draft().order.id;
            Reply::order(200, &other).replayed()
        },
        ..CORRECT
    },
    Species {
        name: "drifting-body",
        wrong: "a replay is rendered again, and contains its age",
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
        wrong: "stores a quantity of at most 50, and answers the requested one",
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
        wrong: "one order in twenty is answered and its key kept, but the order is not stored",
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
        wrong: "a duplicate that waited gets a replay without its marker",
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
        wrong: "a different payload gets the order of the first one",
        fingerprint: |_, _| String::new(),
        ..CORRECT
    },
    Species {
        name: "half-fingerprint",
        wrong: "the fingerprint does not cover the item",
        fingerprint: |_, payload| payload.quantity.to_string(),
        ..CORRECT
    },
    Species {
        name: "mismatch-executed",
        wrong: "a different payload under the same key creates another order",
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
        wrong: "a different payload is refused, but has updated the order",
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
        wrong: "the same JSON in another spelling is a different payload (strict)",
        strict: true,
        fingerprint: |body, _| format!("{body:?}"),
        ..CORRECT
    },
];

/// Scatters consecutive numbers.
fn scattered(number: u64) -> u64 {
    (number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 32
}
