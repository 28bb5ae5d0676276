//! Stored answers that instances share, in a store outside of the database.
//!
//! A hint, never the truth: what is missing, slow or damaged there is read from the database, and
//! every answer is the same. A batch asks once before its transaction, and shares the rows that it
//! has inserted after the commit.
//!
//! An entry is named after the [`Generation`] of the database, so it does not outlive it. Only rows
//! that were just inserted are shared, so an entry of a shorter life than the retention of keys does
//! not outlive its key.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::RequestId;
use super::commit::KeyRow;
use super::operation::{Answer, StoredAnswer};
use crate::db::Generation;

/// A store of values that expire. It may lose, delay and damage them.
pub trait ReplayTier: fmt::Debug + Send + Sync {
    /// The value of each name, in their order. Must end within a bound of its own: requests wait.
    fn get(&self, names: Vec<String>) -> BoxFuture<'_, Vec<Option<Bytes>>>;

    /// Stores values. Nothing waits for it.
    fn put(&self, entries: Vec<(String, Vec<u8>)>) -> BoxFuture<'_, ()>;
}

/// The rows in a tier.
#[derive(Debug, Clone)]
pub(super) struct SharedReplays(Arc<dyn ReplayTier>);

impl SharedReplays {
    pub(super) fn new(tier: Arc<dyn ReplayTier>) -> Self {
        Self(tier)
    }

    /// The row of each key, as far as the tier has it.
    pub(super) async fn get(
        &self,
        generation: Generation,
        digests: Vec<Uuid>,
    ) -> impl Iterator<Item = Option<KeyRow>> {
        let names = digests.iter().map(|digest| name(generation, *digest));
        let mut values = self.0.get(names.collect()).await;
        values.resize(digests.len(), None);
        let pairs = digests.into_iter().zip(values);
        pairs.map(move |(digest, value)| decode(generation, digest, &value?))
    }

    /// Shares rows that are committed. Does not wait.
    pub(super) fn put<'a>(
        &self,
        generation: Generation,
        rows: impl Iterator<Item = (Uuid, &'a KeyRow)>,
    ) {
        let entry = |(digest, row)| (name(generation, digest), encode(generation, digest, row));
        let entries: Vec<_> = rows.map(entry).collect();
        if !entries.is_empty() {
            let tier = Arc::clone(&self.0);
            tokio::spawn(async move { tier.put(entries).await });
        }
    }
}

/// The name of an entry. In a Redis cluster the part in braces chooses the node, so that one command
/// can ask for many keys.
fn name(generation: Generation, digest: Uuid) -> String {
    let generation = Uuid::from_bytes(*generation.as_bytes()).simple();
    format!("orders:{{{generation}}}:{}", digest.simple())
}

/// First byte of a value. It changes with the layout. An instance of a former release takes a value
/// of a later one for damaged.
const VERSION: u8 = 2;

/// The layout of release 0.1.0: without the request id and its length.
const VERSION_WITHOUT_ID: u8 = 1;

/// Length of the checksum.
const CHECKSUM: usize = 16;

/// Stands for an answer that is not a refusal.
const ACCEPTED: u16 = 0;

/// Version, checksum, resource, status of a refusal, length of the fingerprint, fingerprint, length of
/// the request id, request id, body.
fn encode(generation: Generation, digest: Uuid, row: &KeyRow) -> Vec<u8> {
    let (status, body) = match &row.stored.answer {
        Answer::Accepted(body) => (ACCEPTED, body),
        Answer::Refused { status, body } => (*status, body),
    };
    let mut content = Vec::with_capacity(64 + body.len());
    content.extend_from_slice(row.stored.resource.as_bytes());
    content.extend_from_slice(&status.to_be_bytes());
    let id = row.stored.request_id.as_ref();
    let id = id.map_or(&[][..], |id| id.as_str().as_bytes());
    // A fingerprint has 33 bytes, a request id at most 128.
    for field in [&row.fingerprint[..], id] {
        content.push(u8::try_from(field.len()).unwrap_or(u8::MAX));
        content.extend_from_slice(field);
    }
    content.extend_from_slice(body);
    let mut value = Vec::with_capacity(1 + CHECKSUM + content.len());
    value.push(VERSION);
    value.extend_from_slice(&checksum(VERSION, generation, digest, &content));
    value.extend_from_slice(&content);
    value
}

/// The row in a value. `None` if the value is damaged, of another layout or of another key.
fn decode(generation: Generation, digest: Uuid, value: &Bytes) -> Option<KeyRow> {
    let (&version, rest) = value.split_first()?;
    let (sum, content) = rest.split_at_checked(CHECKSUM)?;
    let is_known = [VERSION, VERSION_WITHOUT_ID].contains(&version);
    if !is_known || sum != checksum(version, generation, digest, content) {
        return None;
    }
    let (resource, rest) = content.split_first_chunk::<16>()?;
    let (status, rest) = rest.split_first_chunk::<2>()?;
    let (fingerprint, rest) = field(rest)?;
    let (id, body) = match version {
        VERSION_WITHOUT_ID => (&[][..], rest),
        _ => field(rest)?,
    };
    let body = value.slice_ref(body);
    let answer = match u16::from_be_bytes(*status) {
        ACCEPTED => Answer::Accepted(body),
        status => Answer::Refused { status, body },
    };
    Some(KeyRow {
        fingerprint: value.slice_ref(fingerprint),
        stored: StoredAnswer {
            resource: Uuid::from_bytes(*resource),
            answer,
            request_id: RequestId::parse(id),
        },
    })
}

/// A field behind its length, and what follows it.
fn field(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = content.split_first()?;
    rest.split_at_checked(usize::from(length))
}

/// Over the name as well: a value under another name is not taken for its own.
fn checksum(version: u8, generation: Generation, digest: Uuid, content: &[u8]) -> [u8; CHECKSUM] {
    let sum = Sha256::new()
        .chain_update([version])
        .chain_update(generation.as_bytes())
        .chain_update(digest.as_bytes())
        .chain_update(content)
        .finalize();
    std::array::from_fn(|index| sum[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(answer: Answer) -> KeyRow {
        KeyRow {
            fingerprint: Bytes::from_static(&[7; 33]),
            stored: StoredAnswer {
                resource: Uuid::from_u128(5),
                answer,
                request_id: RequestId::parse(b"request-1"),
            },
        }
    }

    const ONE: Generation = Generation::from_bytes([1; 16]);
    const OTHER: Generation = Generation::from_bytes([2; 16]);

    #[test]
    fn a_row_is_read_as_it_was_shared() {
        let body = Bytes::from_static(b"{}");
        let digest = Uuid::from_u128(9);
        for answer in [
            Answer::Accepted(body.clone()),
            Answer::Accepted(Bytes::new()),
            Answer::Refused { status: 409, body },
        ] {
            for request_id in [None, RequestId::parse(&[b'r'; 128])] {
                let mut row = row(answer.clone());
                row.stored.request_id = request_id;
                let value = encode(ONE, digest, &row).into();
                assert_eq!(decode(ONE, digest, &value), Some(row));
            }
        }
    }

    /// Written by `encode` of 0.1.0 with the same arguments.
    #[test]
    fn a_value_of_the_former_release_is_read() {
        let value = Bytes::from_static(
            b"\x01\x6a\xab\x4d\x9e\x1c\x61\xe9\x6e\xc9\x89\x0b\xe5\xd3\x45\x8f\x4e\x00\
              \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x21\
              \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\
              \x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x7b\x7d",
        );
        let mut row = row(Answer::Accepted(Bytes::from_static(b"{}")));
        row.stored.request_id = None;
        assert_eq!(decode(ONE, Uuid::from_u128(9), &value), Some(row));
    }

    #[test]
    fn a_value_that_is_damaged_or_not_its_own_is_not_read() {
        let digest = Uuid::from_u128(9);
        let value = encode(
            ONE,
            digest,
            &row(Answer::Accepted(Bytes::from_static(b"{}"))),
        );
        for index in 0..value.len() {
            for bit in 0..8 {
                let mut damaged = value.clone();
                damaged[index] ^= 1 << bit;
                assert_eq!(decode(ONE, digest, &damaged.into()), None, "{index}");
            }
            let cut = value[..index].to_vec();
            assert_eq!(decode(ONE, digest, &cut.into()), None, "{index}");
        }
        let value = Bytes::from(value);
        assert_eq!(decode(OTHER, digest, &value), None);
        assert_eq!(decode(ONE, Uuid::from_u128(8), &value), None);
    }

    #[test]
    fn all_names_of_a_generation_are_in_one_slot_of_a_cluster() {
        let name = name(ONE, Uuid::from_u128(0xab));
        let hex = "01".repeat(16);
        assert_eq!(name, format!("orders:{{{hex}}}:{:032x}", 0xab));
    }
}
