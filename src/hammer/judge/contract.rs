//! What answers say in the words of the contract.

use crate::hammer::history::Answer;

/// The body of the refusal of a missing or blank key.
pub(super) const KEY_REQUIRED: &str = r#"{"error":"Idempotency-Key header is required"}"#;

/// Whether the answer says that the key was used with a different payload.
pub(super) fn says_reused(answer: &Answer) -> bool {
    answer.code.as_deref() == Some("IDEMPOTENCY_KEY_REUSED")
}

/// Whether the answer says that the first request of the key is still in flight.
pub(super) fn says_in_use(answer: &Answer) -> bool {
    answer.code.as_deref() == Some("IDEMPOTENCY_KEY_IN_USE")
}
