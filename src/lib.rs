//! Takes an order exactly once, and the tool that proves it.
//!
//! A client's request can arrive twice: timeouts, retries, crashed proxies. `orders` answers the
//! first request of an idempotency key by placing the order, and every other by replaying the
//! stored response, whatever happens in between.
//!
//! # Layout
//!
//! ```text
//! cli ─┬─► http ──► order ──► idempotency ──► db ──► migration (a crate of its own)
//!      └─► hammer
//! ```
//!
//! - [`cli`]: arguments in, exit status out.
//! - [`http`]: the only place that knows poem, statuses and headers.
//! - [`order`]: what an order is; [`order::PlaceOrder`], an idempotent operation; reads.
//! - [`idempotency`]: at most one effect per key; queue, lanes, group commit. Knows neither orders
//!   nor HTTP.
//! - [`db`]: everything the two databases disagree about.
//! - [`hammer`]: proves the promise, or shows the violation. A foreign client, which knows a URL, a
//!   seed and the contract, and imports nothing else of this crate.
//!
//! A test holds the arrows to this picture.
//!
//! # The promise
//!
//! For one key within one scope:
//!
//! 1. At most one order is ever stored. Not under races, crashes, lost connections or several
//!    instances.
//! 2. Exactly one once any 2xx was sent. An acknowledged order survives `kill -9`.
//! 3. Every answer to the same payload is the first answer, byte for byte.
//! 4. A different payload under the same key is refused, also while the first is in flight, and
//!    changes nothing.
//! 5. Retrying with the same key is always safe and always converges.
//!
//! # Words
//!
//! - *idempotency key*: chosen by the client, one for each thing it means to do.
//! - *scope*: whose key it is; the same key in two scopes is two keys.
//! - *fingerprint*: a digest of what was asked for, stored with the key.
//! - *claim*: try to insert the key row. Who inserts it is the *winner*; the others are
//!   *duplicates*.
//! - *operation*: an idempotent effect.
//! - *stored response*: the winner's answer, kept with the key; a *replay* sends it again.
//! - *executor*, *lane*, *batch*: the queue, who empties it, and what is committed as one
//!   transaction (*group commit*).

pub mod cli;
pub mod db;
mod failpoint;
pub mod hammer;
pub mod http;
pub mod idempotency;
pub mod order;
