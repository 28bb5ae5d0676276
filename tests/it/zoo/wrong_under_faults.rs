//! Servers that go wrong when a client disconnects, retries late, or gets an error.

use std::time::Duration;

use super::good::wait_and_replay;
use super::shop::{Call, Reply};
use super::{CORRECT, Species, Window, Work};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "key-lost-on-vanish",
        wrong: "stores the order, and the key 2 ms later; a disconnect in between cancels the rest",
        window: Window::LONG,
        place: order_then_key,
        ..CORRECT
    },
    Species {
        name: "lock-leaked-on-vanish",
        wrong: "a disconnect leaves the key in use",
        window: Window::LONG,
        place: |call| lock_leaked(call, |_| Box::pin(async { Reply::in_use() })),
        ..CORRECT
    },
    Species {
        name: "lock-leaked-and-waited-for",
        wrong: "a disconnect leaves the key in use, and all later requests wait for it",
        window: Window::LONG,
        place: |call| lock_leaked(call, wait_for_the_lock),
        ..CORRECT
    },
    Species {
        name: "key-before-order",
        wrong: "stores the key, and the order 2 ms later; a disconnect in between cancels the rest",
        window: Window::LONG,
        place: key_then_order,
        ..CORRECT
    },
    Species {
        name: "short-retention",
        wrong: "forgets a key after 50 ms",
        place: |call| {
            let mut keys = call.shop.keys.lock().unwrap();
            keys.retain(|_, kept| kept.since.elapsed() < Duration::from_millis(50));
            drop(keys);
            wait_and_replay(call)
        },
        ..CORRECT
    },
    Species {
        name: "error-after-effect",
        wrong: "one order in thirty is stored but answered 503, and its key is freed",
        place: |call| {
            Box::pin(async move {
                let key = call.key.clone();
                let reply = wait_and_replay(call.clone()).await;
                let unlucky = key.bytes().map(u32::from).sum::<u32>() % 30 == 0;
                if reply.status == 201 && unlucky {
                    call.shop.keys.lock().unwrap().remove(&key);
                    return Reply::busy();
                }
                reply
            })
        },
        ..CORRECT
    },
    Species {
        name: "error-kept",
        wrong: "one key in thirty always fails, before any effect",
        place: |call| {
            let unlucky = call.key.bytes().map(u32::from).sum::<u32>() % 30 == 0;
            if unlucky {
                return Box::pin(async { Reply::busy() });
            }
            wait_and_replay(call)
        },
        ..CORRECT
    },
];

pub(super) fn key_then_order(call: Call) -> Work {
    Box::pin(async move {
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let kept = call.draft();
        call.keep(&kept);
        call.window().await;
        call.store(&kept);
        Reply::order(201, &kept)
    })
}

pub(super) fn order_then_key(call: Call) -> Work {
    Box::pin(async move {
        let _mine = call.locked(&call.key).await;
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let kept = call.draft();
        call.store(&kept);
        call.window().await;
        call.keep(&kept);
        Reply::order(201, &kept)
    })
}

fn wait_for_the_lock(call: &Call) -> Work {
    let call = call.clone();
    Box::pin(async move {
        loop {
            if let Some(kept) = call.kept() {
                return call.known(&kept);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
}

fn lock_leaked(call: Call, wait: fn(&Call) -> Work) -> Work {
    Box::pin(async move {
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let (key, mark) = (call.key.clone(), call.fingerprint.clone());
        let taken = call.shop.busy.lock().unwrap().insert(key, mark);
        if taken.is_some() {
            return wait(&call).await;
        }
        call.window().await;
        let reply = call.fresh();
        call.shop.busy.lock().unwrap().remove(&call.key);
        reply
    })
}
