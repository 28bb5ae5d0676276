//! HTTP/1.1 over the hammer's own sockets, with TLS or without.
//!
//! Owns connections, the bytes of requests and the parsing of answers. Guarantees that one attempt
//! is one request on one connection: nothing is retried, redirected or decompressed behind the
//! caller's back, and it is always known which bytes have been sent. Knows nothing of keys.
//!
//! Where no byte needs control, [`Reader`] uses reqwest: for the list of an oracle, and for the
//! health of an instance. Attempts do not, and neither does the proxy: the tests of this module say
//! why and show it.

mod answer;
mod connection;
mod pool;
mod reader;
mod request;
mod stream;
mod target;
mod tls;

pub(crate) use answer::RawAnswer;
pub(crate) use connection::{Connection, WireError};
pub(crate) use pool::Pool;
pub(crate) use reader::Reader;
pub(crate) use request::Request;
pub use target::{Target, TargetError};
pub(crate) use tls::Tls;
pub use tls::{Trust, TrustError};

#[cfg(test)]
mod tests;
