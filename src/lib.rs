//! Idempotent order service, and a verifier that proves it.
//!
//! A client's request can arrive twice: timeouts, retries, crashed proxies. `orders` answers the
//! first request of an idempotency key by placing the order, and every other one by replaying the
//! stored answer.
//!
//! # Layout
//!
//! ```text
//! cli ─┬─► http ──► order ──► idempotency ──► db ──► migration (a crate of its own)
//!      │     ├────────┴────────────┴────────► json
//!      ├─────┴─► auth ──► idempotency, db
//!      ├─► outbox ──► db (order writes events to it, http names their source)
//!      ├─► consumer ──► kafka, order, idempotency
//!      ├─► redis ──► idempotency
//!      └─► hammer, client
//! ```
//!
//! - [`cli`]: arguments in, exit status out.
//! - [`http`]: the only module that knows poem, statuses and headers.
//! - [`order`]: what an order is; [`order::PlaceOrder`], an idempotent operation; reads.
//! - [`idempotency`]: at most one effect per key; queue, lanes, group commit. Knows neither orders
//!   nor HTTP.
//! - [`outbox`]: events that leave only after commit.
//! - [`auth`]: tokens, and the tenants that they name.
//! - [`db`]: everything the two databases disagree about.
//! - [`redis`]: the replay tier that instances share.
//! - [`kafka`]: addresses and clients of Kafka.
//! - `consumer`: orders from a Kafka topic (feature `kafka`).
//! - [`telemetry`]: metrics, recorded by all of them.
//! - [`json`]: JSON values without loss, and their canonical form.
//! - [`client`]: places an order exactly once, from the other side. Imports nothing else of this
//!   crate either.
//! - [`hammer`]: proves the promise, or shows the violation. A foreign client: it knows a URL, a
//!   seed and the contract, and imports nothing else of this crate.
//!
//! A test checks that imports follow these arrows.
//!
//! Three Cargo features, all on by default: `serve` is the service with its databases, `client` and
//! `hammer` are these modules with their commands. `hammer` alone is a small build without database
//! drivers.
//!
//! # The promise
//!
//! For one key within one scope:
//!
//! 1. At most one order is ever stored, even under races, crashes, lost connections or several
//!    instances.
//! 2. Exactly one order is stored once any 2xx was sent. An acknowledged order survives `kill -9`.
//! 3. Every answer to the same payload is the first answer, byte for byte.
//! 4. A different payload under the same key is refused, also while the first request is in
//!    flight, and changes nothing.
//! 5. Retrying with the same key is always safe and always converges.
//!
//! # Words
//!
//! - *idempotency key*: chosen by the client, one for each thing that it means to do.
//! - *scope*: the namespace of a key; the same key in two scopes is two keys.
//! - *tenant*: whose keys and orders; nothing of one is visible to another.
//! - *fingerprint*: a digest of the payload, stored with the key.
//! - *claim*: try to insert the key row. The request that inserts it is the *winner*, the others
//!   are *duplicates*.
//! - *operation*: an idempotent effect.
//! - *stored answer*: the winner's answer, kept with the key; a *replay* sends it again.
//! - *refusal*: a stored answer that says no, such as sold out.
//! - *executor*, *lane*, *batch*: the queue, the task that empties it, and the requests that are
//!   committed as one transaction (*group commit*).

mod chain;
pub mod cli;

// The parts of the program, each with the Cargo feature that its dependencies belong to. What the
// service is made of has `#[cfg(feature = "serve")]`.
#[cfg(feature = "serve")]
pub mod auth;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "kafka")]
pub mod consumer;
#[cfg(feature = "serve")]
pub mod db;
#[cfg(feature = "serve")]
mod failpoint;
#[cfg(feature = "hammer")]
pub mod hammer;
#[cfg(feature = "serve")]
pub mod http;
#[cfg(feature = "serve")]
pub mod idempotency;
#[cfg(feature = "serve")]
pub mod json;
#[cfg(feature = "serve")]
pub mod kafka;
#[cfg(feature = "serve")]
pub mod order;
#[cfg(feature = "serve")]
pub mod outbox;
#[cfg(feature = "serve")]
pub mod redis;
#[cfg(feature = "serve")]
pub mod telemetry;
