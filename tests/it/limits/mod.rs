//! Limits of what clients send, and how they reach the server: headers, rate, TLS, CORS, gzip. Each
//! is set by its flag, as an operator does.

mod cors;
mod gzip;
mod headers;
mod rate;
mod tls;
