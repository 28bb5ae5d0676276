//! The wire table of the contract, row by row, each row with what it must not do: use up a key,
//! store an order, change an answer.

mod body;
mod edge;
mod fingerprint;
mod health;
mod hostile;
mod key;
mod problem;
mod read;
mod route;
mod unavailable;
