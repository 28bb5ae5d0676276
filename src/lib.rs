//! Idempotent order service, and a verifier that proves it.
//!
//! A client's request can arrive twice: timeouts, retries, crashed proxies. `orders` answers the
//! first request of an idempotency key by placing the order, and every other one by replaying the
//! stored answer. It is a program first; the same parts are a library:
//!
//! | to | use |
//! |---|---|
//! | run the service | the program: `orders serve` |
//! | place orders from Rust | [`client`] |
//! | make an operation of your own idempotent | [`idempotency::Operation`] and [`http::Service`], see below |
//! | prove that a service stores one order per key | the program: `orders hammer`, which is [`hammer`] |
//!
//! # Example
//!
//! A server on a database of its own, and a client that repeats an order:
//!
//! ```
//! use orders::client::{Client, Key, NewOrder};
//! use orders::db::{Database, DatabaseUrl, Settings};
//! use orders::http::Server;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("orders.db");
//! let database = Database::connect(Settings::new(DatabaseUrl::sqlite(&file))).await?;
//! database.schema().up().await?;
//! let address = "127.0.0.1:0".parse()?;
//! let server = Server::bind(address, database, Default::default(), &Default::default())?;
//! let client = Client::new(&server.url())?;
//! tokio::spawn(server.run_until(std::future::pending()));
//!
//! let key = Key::derive(&["create-order", "user123", "cart456"])?;
//! let order = NewOrder { item: "espresso".to_owned(), quantity: 2 };
//! let first = client.place(&key, &order).await?;
//! // The answer was lost, perhaps. The same key finds out, and never places a second order.
//! let second = client.place(&key, &order).await?;
//! assert_eq!(second.order, first.order);
//! assert!(second.replayed && !first.replayed);
//! # Ok(())
//! # }
//! ```
//!
//! An operation of your own is a type that implements [`idempotency::Operation`]: what it takes, and
//! what it writes in the transaction of its key. [`http::Service`] serves it. `examples/projects` is
//! the shortest, `examples/stock` answers "sold out", `examples/carts` writes several tables;
//! `docs/operations.md` explains them.
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
//! # Life of a POST
//!
//! The handler in [`http`] reads the key and the body. [`order::PlaceOrder`] is the operation, and the
//! key is a [`ScopedKey`](idempotency::ScopedKey): the tenant, the operation and the key of the
//! client. The [`Executor`](idempotency::Executor) replays what it remembers, refuses what differs
//! from a request in flight, and queues the rest. A lane takes a batch from its queue and runs it as
//! one transaction: it inserts the key rows, which tells winners from duplicates, runs the operation
//! for the winners, stores their answers, and commits. Only then is anybody answered.
//!
//! # Map
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
//! # Cargo features
//!
//! - `serve`: the service with its databases.
//! - `client`: [`client`], `orders place` and `orders key`.
//! - `hammer`: `orders hammer`. Alone it is a small build without database drivers.
//! - `kafka`: events to Kafka and orders from it; implies `serve` and builds librdkafka, in C.
//! - `kafka-tls`: Kafka over TLS and with SASL, off by default; builds OpenSSL as well.
//! - `failpoints`: crash points for the tests, off by default.
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
