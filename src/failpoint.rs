//! Points at which a test build can be made to crash, as if the machine had lost its power there.
//!
//! `ORDERS_CRASH_AT=before-commit` ends the process (abort: no unwinding, no destructor) when a
//! batch comes to that point, `before-commit:3` when the third does. Only with the feature
//! `failpoints`, which nothing but the tests turns on: otherwise there is nothing of it in the
//! program.

/// The steps of a batch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// There is a connection, and nothing has been sent.
    BeforeClaim,
    /// The keys are claimed, and nothing is applied.
    AfterClaim,
    /// The operations are applied, and an answer that only they know is not stored.
    AfterApply,
    /// Everything is written, and nothing is committed.
    BeforeCommit,
    /// The database has acknowledged the commit.
    AfterCommit,
    /// Every claim is decided, and no request is answered.
    BeforeAnswer,
}

#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_: Point) {}

#[cfg(feature = "failpoints")]
pub(crate) use self::armed::reach;

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Point;

    /// Where to crash, and how often that point is passed before.
    static PLAN: LazyLock<Option<(Point, AtomicUsize)>> = LazyLock::new(|| {
        let plan = std::env::var("ORDERS_CRASH_AT").ok()?;
        let (point, time) = plan.split_once(':').unwrap_or((&plan, "1"));
        let time: usize = time.parse().expect("the time is a number");
        let point = match point {
            "before-claim" => Point::BeforeClaim,
            "after-claim" => Point::AfterClaim,
            "after-apply" => Point::AfterApply,
            "before-commit" => Point::BeforeCommit,
            "after-commit" => Point::AfterCommit,
            "before-answer" => Point::BeforeAnswer,
            _ => panic!("there is no such point: {point}"),
        };
        Some((point, AtomicUsize::new(time)))
    });

    pub(crate) fn reach(point: Point) {
        let here = PLAN.as_ref().filter(|(planned, _)| *planned == point);
        if here.is_some_and(|(_, left)| left.fetch_sub(1, Ordering::Relaxed) == 1) {
            std::process::abort();
        }
    }
}
