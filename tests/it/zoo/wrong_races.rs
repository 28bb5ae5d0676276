//! Servers with race conditions.

use super::good::wait_and_replay;
use super::shop::{Call, Reply};
use super::{CORRECT, Species, Window, Work};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "no-idempotency",
        wrong: "ignores the key",
        place: |call| Box::pin(async move { call.fresh() }),
        ..CORRECT
    },
    Species {
        name: "check-then-insert",
        wrong: "checks the key, and inserts one turn of the event loop later",
        place: check_then_insert,
        ..CORRECT
    },
    Species {
        name: "check-then-insert-slow",
        wrong: "checks the key, and inserts 2 ms later",
        window: Window::LONG,
        place: check_then_insert,
        ..CORRECT
    },
    Species {
        name: "check-in-middleware",
        wrong: "checks the key when the head arrives, and inserts when the body is complete",
        place: |call| {
            Box::pin(async move {
                match &call.early {
                    Some(kept) => call.known(kept),
                    None => call.fresh(),
                }
            })
        },
        ..CORRECT
    },
    Species {
        name: "set-without-nx",
        wrong: "sets the lock without checking whether it is held",
        place: |call| {
            Box::pin(async move {
                if let Some(kept) = call.kept() {
                    return call.known(&kept);
                }
                call.shop
                    .busy
                    .lock()
                    .unwrap()
                    .insert(call.key.clone(), call.fingerprint.clone());
                call.window().await;
                call.shop.busy.lock().unwrap().remove(&call.key);
                call.fresh()
            })
        },
        ..CORRECT
    },
    Species {
        name: "unique-violation-500",
        wrong: "the loser of the unique index gets a 500",
        place: |call| {
            loser(call, || {
                Reply::new(500, r#"{"error":"duplicate key value"}"#)
            })
        },
        ..CORRECT
    },
    Species {
        name: "unique-violation-503",
        wrong: "the loser of the unique index gets a 503 without Retry-After",
        place: |call| loser(call, || Reply::new(503, r#"{"error":"try again"}"#)),
        ..CORRECT
    },
    Species {
        name: "empty-winner",
        wrong: "inserts with ON CONFLICT DO NOTHING, and answers the row that it did not get",
        place: |call| loser(call, || Reply::new(200, "{}").replayed()),
        ..CORRECT
    },
    Species {
        name: "loser-not-found",
        wrong: "the loser looks for the winner too early, and answers 404",
        place: |call| loser(call, || Reply::new(404, r#"{"error":"Not found"}"#)),
        ..CORRECT
    },
    Species {
        name: "conflict-for-ever",
        wrong: "after one concurrent duplicate, the key answers 409 forever",
        window: Window::LONG,
        place: conflict_for_ever,
        ..CORRECT
    },
    Species {
        name: "memory-per-instance",
        wrong: "each instance has its own map of keys",
        instances: 2,
        place: |mut call| {
            call.key = format!("{}@{}", call.key, call.instance);
            wait_and_replay(call)
        },
        ..CORRECT
    },
    Species {
        name: "lock-per-instance",
        wrong: "the mutex around check and insert is local to the instance",
        instances: 2,
        window: Window::LONG,
        place: |call| {
            Box::pin(async move {
                let lock = format!("{}@{}", call.key, call.instance);
                let _mine = call.locked(&lock).await;
                check_then_insert(call).await
            })
        },
        ..CORRECT
    },
    Species {
        name: "stale-replica",
        wrong: "the second instance reads a replica that lags by 100 ms, and refuses what it cannot insert",
        instances: 2,
        place: stale_replica,
        ..CORRECT
    },
    Species {
        name: "mismatch-race-slips",
        wrong: "a request that waited gets the answer of the first one, whatever its payload",
        window: Window::LONG,
        place: |call| {
            Box::pin(async move {
                let waits = call.kept().is_none();
                let reply = wait_and_replay(call.clone()).await;
                match call.kept() {
                    Some(kept) if waits && reply.status == 409 => {
                        (call.species.replay)(&call, &kept)
                    }
                    _ => reply,
                }
            })
        },
        ..CORRECT
    },
    Species {
        name: "two-fresh",
        wrong: "a duplicate that waited gets 201, as if it were the first request",
        window: Window::LONG,
        place: |call| {
            Box::pin(async move {
                let waits = call.kept().is_none();
                let reply = wait_and_replay(call).await;
                if waits && reply.status == 200 {
                    return Reply {
                        status: 201,
                        headers: reply.headers[..1].to_vec(),
                        ..reply
                    };
                }
                reply
            })
        },
        ..CORRECT
    },
];

fn check_then_insert(call: Call) -> Work {
    Box::pin(async move {
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        call.window().await;
        call.fresh()
    })
}

/// Checks, then inserts under a unique index; the losers get `reply`.
fn loser(call: Call, reply: fn() -> Reply) -> Work {
    Box::pin(async move {
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        call.window().await;
        let kept = call.draft();
        if call.keep_first(&kept).is_some() {
            return reply();
        }
        call.store(&kept);
        Reply::order(201, &kept)
    })
}

fn conflict_for_ever(call: Call) -> Work {
    let work = tokio::spawn(async move {
        let poisoned = format!("poisoned {}", call.key);
        if call.shop.busy.lock().unwrap().contains_key(&poisoned) {
            return Reply::in_use();
        }
        if let Some(kept) = call.kept() {
            return call.known(&kept);
        }
        let rival = call
            .shop
            .busy
            .lock()
            .unwrap()
            .insert(call.key.clone(), String::new());
        if rival.is_some() {
            call.shop
                .busy
                .lock()
                .unwrap()
                .insert(poisoned, String::new());
            return Reply::in_use();
        }
        call.window().await;
        call.shop.busy.lock().unwrap().remove(&call.key);
        call.fresh()
    });
    Box::pin(async { work.await.unwrap() })
}

fn stale_replica(call: Call) -> Work {
    Box::pin(async move {
        let lag = std::time::Duration::from_millis(100);
        let seen = call
            .kept()
            .filter(|kept| call.instance == 0 || kept.since.elapsed() > lag);
        if let Some(kept) = seen {
            return call.known(&kept);
        }
        let kept = call.draft();
        if call.keep_first(&kept).is_some() {
            return Reply::in_use();
        }
        call.store(&kept);
        Reply::order(201, &kept)
    })
}
