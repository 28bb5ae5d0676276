//! Correct servers, which differ where the contract leaves a choice. None may be reported as
//! violated.

use super::shop::{Call, Reply};
use super::{CORRECT, Species, Window, Work};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "wait-and-replay",
        ..CORRECT
    },
    Species {
        name: "conflict-in-flight",
        window: Window::LONG,
        place: |call| refuse_in_flight(call, Reply::in_use),
        ..CORRECT
    },
    Species {
        name: "busy-in-flight",
        window: Window::LONG,
        place: |call| refuse_in_flight(call, Reply::busy),
        ..CORRECT
    },
    Species {
        name: "slow",
        window: Window::Millis(200),
        ..CORRECT
    },
    Species {
        name: "two-instances",
        instances: 2,
        window: Window::LONG,
        ..CORRECT
    },
    Species {
        name: "raw-fingerprint",
        fingerprint: |body, _| format!("{body:?}"),
        ..CORRECT
    },
    Species {
        name: "replay-as-created",
        replay: |_, kept| Reply::order(201, kept),
        ..CORRECT
    },
];

/// Looks up, stores and keeps under the lock of the key; later requests wait for it. Runs in a task
/// of its own, which a disconnect does not cancel.
pub(super) fn wait_and_replay(call: Call) -> Work {
    let work = tokio::spawn(async move {
        let key = call.key.clone();
        let _mine = call.locked(&key).await;
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        call.window().await;
        call.fresh()
    });
    Box::pin(async { work.await.unwrap() })
}

/// The same, but later requests are refused instead of waiting.
pub(super) fn refuse_in_flight(call: Call, refusal: fn() -> Reply) -> Work {
    let work = tokio::spawn(async move {
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let other = call
            .shop
            .busy
            .lock()
            .unwrap()
            .insert(call.key.clone(), call.fingerprint.clone());
        if let Some(fingerprint) = other {
            let mismatch = fingerprint != call.fingerprint;
            call.shop
                .busy
                .lock()
                .unwrap()
                .insert(call.key.clone(), fingerprint);
            return if mismatch { Reply::reused() } else { refusal() };
        }
        call.window().await;
        let reply = call.fresh();
        call.shop.busy.lock().unwrap().remove(&call.key);
        reply
    });
    Box::pin(async { work.await.unwrap() })
}
