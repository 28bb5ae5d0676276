//! One batch, one transaction.

mod postgres;
mod sqlite;

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use uuid::Uuid;

use super::batch::{Batch, Claim, Request};
use super::operation::{Operation, StoredResponse};
use crate::db::{Cells, Rows, WriteError, Writer};
use crate::failpoint::{Point, reach};

/// The table of keys.
const KEYS: &str = "idempotency_keys";

/// Ends the `INSERT` of a claim. It waits where another transaction has inserted the same key and
/// not ended yet.
const UNLESS_CLAIMED: &str = "ON CONFLICT (digest) DO NOTHING";

/// How long a claim waits for another transaction that holds its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWait {
    /// As long as the connection was told.
    Full,
    /// Just long enough to find the key that is held, after a full wait ran out on the batch.
    Brief,
}

/// The resources whose claims were won.
type Won = HashSet<Uuid>;

/// The fingerprint of what the owner of a key asked for, and what it got.
type Stored = (Vec<u8>, StoredResponse);

/// A row that stood in the way, with the ordinal of the loser.
type KeyRow = (i64, Stored);

/// Claims every key of the batch, writes the effects of the winners, commits, and reads the rows
/// of the losers. One claim per group comes back, in the order of the batch.
///
/// An error means that nothing of it may be assumed: neither that it was committed nor that it
/// was not. Running it again is always right, because a claimant that finds its own row has won.
pub(super) async fn commit<O: Operation>(
    writer: &mut Writer,
    batch: &Batch<O>,
    lock_wait: LockWait,
) -> Result<Vec<Claim>, WriteError> {
    reach(Point::BeforeClaim);
    let won = match (&mut *writer, lock_wait) {
        (Writer::Sqlite(file), _) => sqlite::in_steps(file, batch)?,
        (Writer::Postgres(session), _) => postgres::at_once(session, batch, lock_wait).await?,
    };
    reach(Point::AfterCommit);
    if won.len() == batch.claimants().count() {
        reach(Point::BeforeAnswer);
        return Ok(vec![Claim::Won; won.len()]);
    }
    // In a statement of its own, after the claims: it sees what the transactions committed that
    // the claims waited for.
    let losers = losers(batch, &won);
    let stored = match writer {
        Writer::Sqlite(file) => sqlite::read(file, &losers)?,
        Writer::Postgres(session) => postgres::read(session, losers).await?,
    };
    reach(Point::BeforeAnswer);
    Ok(verdicts(batch, &won, stored.into_iter().collect()))
}

/// The key rows that the claimants want, with their `responses`.
fn claims<'a, O: Operation>(batch: &'a Batch<O>, responses: &'a [Bytes]) -> Rows<'a> {
    let requests = || batch.claimants();
    Rows::new([
        ("digest", Cells::Uuid(requests().map(digest).collect())),
        ("scope", Cells::Text(requests().map(scope).collect())),
        ("key", Cells::Text(requests().map(key).collect())),
        (
            "fingerprint",
            Cells::Bytes(requests().map(|r| r.fingerprint.as_bytes()).collect()),
        ),
        (
            "resource",
            Cells::Uuid(requests().map(|r| r.operation.resource()).collect()),
        ),
        (
            "response",
            Cells::Bytes(responses.iter().map(|bytes| &bytes[..]).collect()),
        ),
    ])
}

fn responses<O: Operation>(batch: &Batch<O>) -> Vec<Bytes> {
    let operations = batch.claimants().map(|request| &request.operation);
    operations.map(Operation::response).collect()
}

fn losers<'a, O: Operation>(batch: &'a Batch<O>, won: &Won) -> Rows<'a> {
    let has_lost = |request: &&Request<O>| !won.contains(&request.operation.resource());
    let losers = || batch.claimants().filter(has_lost);
    Rows::new([("digest", Cells::Uuid(losers().map(digest).collect()))])
}

fn digest<O>(request: &Request<O>) -> Uuid {
    Uuid::from_bytes(request.key.digest())
}

fn scope<O>(request: &Request<O>) -> &str {
    request.key.scope.as_str()
}

fn key<O>(request: &Request<O>) -> &str {
    request.key.key.as_str()
}

fn verdicts<O: Operation>(
    batch: &Batch<O>,
    won: &Won,
    mut stored: HashMap<i64, Stored>,
) -> Vec<Claim> {
    let mut ordinals = 1..;
    let verdict = |request: &Request<O>| {
        let own = request.operation.resource();
        if won.contains(&own) {
            return Claim::Won;
        }
        match ordinals.next().and_then(|ordinal| stored.remove(&ordinal)) {
            // Our own row, from an attempt whose commit succeeded unheard.
            Some((_, stored)) if stored.resource == own => Claim::Won,
            Some((fingerprint, stored)) => Claim::Lost {
                fingerprint,
                stored,
            },
            None => Claim::Vanished,
        }
    };
    batch.claimants().map(verdict).collect()
}
