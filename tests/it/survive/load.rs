//! Clients that place orders without a pause, and a tally of their responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::harness::{Acknowledged, Client, Reply, TestDatabase, order};

const CLIENTS: usize = 12;

/// Running clients. Each sends every key twice at the same time, to two instances if there are two.
pub(super) struct Load {
    clients: JoinSet<Tally>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

/// The responses to all clients.
#[derive(Debug, Default)]
pub(super) struct Tally {
    acknowledged: Acknowledged,
    /// Keys without a 2xx. There may be an order.
    unknown: Vec<String>,
    requests: usize,
    pub(super) unavailable: usize,
    in_use: usize,
}

impl Load {
    pub(super) fn start(instances: &[&Client]) -> Self {
        let (stop, acknowledged) = (Arc::default(), Arc::default());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let pair = [0, 1].map(|nth| instances[(number + nth) % instances.len()].clone());
            let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
            clients.spawn(client(pair, number, stop, acknowledged));
        }
        Self {
            clients,
            stop,
            acknowledged,
        }
    }

    /// Waits until this many more keys are acknowledged.
    pub(super) async fn progress(&self, keys: usize) {
        let goal = self.acknowledged.load(Ordering::SeqCst) + keys;
        let progress = async {
            while self.acknowledged.load(Ordering::SeqCst) < goal {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let progress = tokio::time::timeout(Duration::from_mins(1), progress).await;
        progress.expect("too few orders are acknowledged within a minute");
    }

    /// Lets every client finish its requests.
    pub(super) async fn stop(self) -> Tally {
        self.stop.store(true, Ordering::SeqCst);
        let tallies = self.clients.join_all().await;
        tallies.into_iter().fold(Tally::default(), Tally::and)
    }
}

async fn client(
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
        // Without a pause the clients would take all of the processor.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tally
}

impl Tally {
    /// Adds the responses to the two requests of a key. Returns whether one of them is a 2xx.
    fn add(&mut self, key: String, replies: [Reply; 2]) -> bool {
        let count = |status| replies.iter().filter(|r| r.status == status).count();
        let (created, replayed) = (count(201), count(200));
        assert!(created <= 1, "created twice: {replies:?}");
        assert!(created == 1 || replayed < 2, "two replays: {replies:?}");
        self.requests += replies.len();
        self.unavailable += count(503);
        self.in_use += count(409);
        let mut is_acknowledged = false;
        for reply in replies {
            match reply.status {
                200 | 201 => {
                    self.acknowledged.insert(key.clone(), reply);
                    is_acknowledged = true;
                }
                409 => assert_eq!(reply.json()["code"], "IDEMPOTENCY_KEY_IN_USE"),
                503 => assert_eq!(reply.header("retry-after"), Some("1")),
                _ => panic!("{reply:?}"),
            }
        }
        if !is_acknowledged {
            self.unknown.push(key);
        }
        is_acknowledged
    }

    /// Adds a key of another client, without a 2xx.
    pub(super) fn add_unknown(&mut self, key: &str) {
        self.unknown.push(key.to_owned());
    }

    fn and(mut self, other: Self) -> Self {
        self.acknowledged.extend(other.acknowledged);
        self.unknown.extend(other.unknown);
        self.requests += other.requests;
        self.unavailable += other.unavailable;
        self.in_use += other.in_use;
        self
    }

    /// Every request was answered 2xx.
    #[track_caller]
    pub(super) fn assert_not_noticed(&self) {
        assert_eq!((self.unavailable, self.in_use), (0, 0), "{self}");
    }

    /// Every acknowledged order is stored and replayed, every other key converges, and there is one
    /// order for each key.
    pub(super) async fn assert_kept(&self, client: &Client, database: &TestDatabase) {
        self.acknowledged.assert_stored(database).await;
        self.acknowledged.assert_replayed(client).await;
        let stored = database.responses().await;
        for key in &self.unknown {
            let retry = client
                .place_with_retries(key, &order(key, 1))
                .await
                .expect_order();
            if let Some(body) = stored.get(key) {
                assert_eq!(retry.expect(200).body, body, "{key}");
            }
        }
        let keys = i64::try_from(self.acknowledged.len() + self.unknown.len()).unwrap();
        assert_eq!(database.orders().await, keys, "one order for each key");
        database.assert_promise().await;
        eprintln!("{self}");
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests: {} orders acknowledged, {} keys unknown, {} answers 503, {} in use",
            self.requests,
            self.acknowledged.len(),
            self.unknown.len(),
            self.unavailable,
            self.in_use
        )
    }
}
