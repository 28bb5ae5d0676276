//! The contract over HTTP, case by case. Refusals must not use up a key, store an order or change a
//! response.

mod body;
mod fingerprint;
mod health;
mod hostile;
mod key;
mod problem;
mod read;
mod request_id;
mod route;
mod unavailable;
