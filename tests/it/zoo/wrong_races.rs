//! Wrong when requests meet.

use super::good::wait_and_replay;
use super::shop::{Call, Reply};
use super::{CORRECT, Species, Window, Work};

pub(super) const SPECIES: &[Species] = &[
    Species {
        name: "no-idempotency",
        wrong: "does not look at the key",
        place: |call| Box::pin(async move { call.fresh() }),
        ..CORRECT
    },
    Species {
        name: "check-then-insert",
        wrong: "looks for the key, and one turn of the event loop later inserts",
        place: check_then_insert,
        ..CORRECT
    },
    Species {
        name: "check-then-insert-slow",
        wrong: "looks for the key, and 2 ms later inserts",
        window: Window::LONG,
        place: check_then_insert,
        ..CORRECT
    },
    Species {
        name: "check-in-middleware",
        wrong: "looks for the key when the head arrives, inserts when the body is there",
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
        wrong: "writes the lock without looking whether it is there",
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
        wrong: "the loser of the unique index gets a 503, and nobody says when to come again",
        place: |call| loser(call, || Reply::new(503, r#"{"error":"try again"}"#)),
        ..CORRECT
    },
    Species {
        name: "empty-winner",
        wrong: "inserts on conflict do nothing, and answers the row that it did not get",
        place: |call| loser(call, || Reply::new(200, "{}").replayed()),
        ..CORRECT
    },
    Species {
        name: "loser-not-found",
        wrong: "the loser looks for the winner too early and finds nothing",
        place: |call| loser(call, || Reply::new(404, r#"{"error":"Not found"}"#)),
        ..CORRECT
    },
    Species {
        name: "conflict-for-ever",
        wrong: "a duplicate in flight makes the key answer 409 for ever",
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
        wrong: "the mutex that protects check and insert is the instance's own",
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
        wrong: "the second instance reads what was there 100 ms ago, and refuses what it cannot insert",
        instances: 2,
        place: stale_replica,
        ..CORRECT
    },
    Species {
        name: "mismatch-race-slips",
        wrong: "who waited for the first request gets its answer, whatever he asked for",
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
        wrong: "who waited for the first request is told that he was the first",
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

/// Check, then an insert that only the first one wins; `reply` is for the others.
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
