//! Clients that place orders all the time, and what they were told.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::harness::{Client, Reply, TestDatabase, order};

/// How many clients there are.
const CLIENTS: usize = 12;

/// Clients at work. Every key is sent twice at the same time, to different instances if there are
/// several.
pub(super) struct Load {
    working: JoinSet<Tally>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

/// What the clients were told.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The order of each key that had a 2xx.
    acknowledged: HashMap<String, Bytes>,
    /// Keys that had none: there may be an order, or not.
    open: Vec<String>,
    pub(super) requests: usize,
    pub(super) unavailable: usize,
    pub(super) in_use: usize,
}

impl Load {
    pub(super) fn start(instances: &[&Client]) -> Self {
        let (stop, acknowledged) = (Arc::default(), Arc::default());
        let mut working = JoinSet::new();
        for number in 0..CLIENTS {
            let pair = [0, 1].map(|nth| instances[(number + nth) % instances.len()].clone());
            working.spawn(work(
                pair,
                number,
                Arc::clone(&stop),
                Arc::clone(&acknowledged),
            ));
        }
        Self {
            working,
            stop,
            acknowledged,
        }
    }

    /// Returns when the load runs, or runs again: when so many more orders were acknowledged.
    pub(super) async fn progress(&self, more: usize) {
        let goal = self.acknowledged.load(Ordering::SeqCst) + more;
        let progress = async {
            while self.acknowledged.load(Ordering::SeqCst) < goal {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let patience = Duration::from_mins(1);
        let progress = tokio::time::timeout(patience, progress).await;
        progress.expect("orders are acknowledged");
    }

    /// Lets every client finish what it has sent.
    pub(super) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let tallies = self.working.join_all().await;
        tallies.into_iter().fold(Tally::default(), Tally::and)
    }
}

async fn work(
    pair: [Client; 2],
    number: usize,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Tally {
    let mut tally = Tally::default();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let key = format!("{number}-{n}");
        let body = order(&key, 1);
        let [one, other] = &pair;
        let replies = tokio::join!(one.place(&key, &*body), other.place(&key, &*body));
        if tally.add(key, [replies.0, replies.1]) {
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        // Clients think a little, or they would fill this machine.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tally
}

impl Tally {
    /// Takes down what two requests of one key were told. Whether one of them was acknowledged.
    fn add(&mut self, key: String, replies: [Reply; 2]) -> bool {
        let of = |status| {
            replies
                .iter()
                .filter(|reply| reply.status == status)
                .count()
        };
        assert!(of(201) <= 1, "created twice: {replies:?}");
        self.requests += replies.len();
        self.unavailable += of(503);
        self.in_use += of(409);
        for reply in &replies {
            match reply.status {
                200 => assert!(reply.is_replay(), "{reply:?}"),
                201 => assert!(!reply.is_replay(), "{reply:?}"),
                409 => assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_IN_USE"),
                503 => assert_eq!(reply.header("retry-after"), Some("1")),
                _ => panic!("{reply:?}"),
            }
        }
        let mut orders = replies.into_iter().filter(|reply| reply.status < 300);
        let Some(first) = orders.next() else {
            self.open.push(key);
            return false;
        };
        assert!(orders.all(|reply| reply.body == first.body), "{key}");
        self.acknowledged.insert(key, first.body);
        true
    }

    fn and(mut self, other: Self) -> Self {
        self.acknowledged.extend(other.acknowledged);
        self.open.extend(other.open);
        self.requests += other.requests;
        self.unavailable += other.unavailable;
        self.in_use += other.in_use;
        self
    }

    /// Few were told to come again: two in a hundred, as long as interruptions are short.
    #[track_caller]
    pub(super) fn assert_hardly_noticed(&self) {
        let bound = self.requests / 50;
        assert!(self.unavailable <= bound, "{self}");
        assert_eq!(self.in_use, 0, "{self}");
    }

    /// Every acknowledged order is stored and replayed byte for byte, every other key converges,
    /// and there is one order for each key. The orders are read from the database itself.
    pub(super) async fn assert_kept(&self, client: &Client, database: &TestDatabase) {
        let stored = database.responses().await;
        for (key, body) in &self.acknowledged {
            let kept = stored.get(key);
            assert_eq!(kept, Some(body), "acknowledged and lost: {key}");
            let replay = client.persist(key, &order(key, 1)).await.expect(200);
            assert_eq!(replay.body, body, "{key}");
        }
        for key in &self.open {
            let retry = client.persist(key, &order(key, 1)).await;
            assert!(matches!(retry.status, 200 | 201), "{retry:?}");
            if let Some(body) = stored.get(key) {
                assert_eq!(retry.expect(200).body, body, "{key}");
            }
        }
        let keys = i64::try_from(self.acknowledged.len() + self.open.len()).unwrap();
        assert_eq!(database.orders().await, keys, "one order for each key");
        database.assert_promise().await;
        eprintln!("{self}");
    }
}

/// For the log of a run.
impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests: {} orders acknowledged, {} keys open, {} answers 503, {} in use",
            self.requests,
            self.acknowledged.len(),
            self.open.len(),
            self.unavailable,
            self.in_use
        )
    }
}
