//! Real servers on real databases, and clients that are independent of them.
//!
//! A test of a service runs on SQLite and on PostgreSQL ([`on_both!`]) and ends with a check of
//! the tables: the promise holds after every test.

mod acknowledged;
mod app;
mod client;
mod cluster;
mod collector;
mod database;
mod document;
mod hold;
mod kafka;
mod pooler;
mod port;
mod postgres;
mod process;
mod promise;
mod proxy;
mod raw;
mod redis;
mod service_test;
mod unprivileged;

pub(crate) use self::redis::RedisServer;
pub(crate) use acknowledged::Acknowledged;
pub(crate) use app::{App, Bounds, Instance};
pub(crate) use client::{Client, Reply, order};
pub(crate) use cluster::{Cluster, Stop};
pub(crate) use collector::{Collector, attribute};
pub(crate) use database::{Backend, TestDatabase};
pub(crate) use document::document;
pub(crate) use kafka::{Broker, Record, header};
pub(crate) use pooler::Pooler;
pub(crate) use process::Process;
pub(crate) use proxy::{Fault, Proxy, Side};
pub(crate) use raw::Raw;
pub(crate) use service_test::{on_both, on_postgres, on_sqlite, test_on};
