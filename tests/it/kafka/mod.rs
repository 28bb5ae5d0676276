//! The clients of Kafka on a real broker, and the URLs that name it.

mod clients;
mod urls;
