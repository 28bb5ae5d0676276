//! Real servers on real databases. Every test of a service runs on SQLite and on PostgreSQL, and
//! ends with a look at the tables: what was promised holds after each of them.

mod app;
mod client;
mod cluster;
mod database;
mod document;
mod hold;
mod pooler;
mod port;
mod process;
mod proxy;
mod raw;
mod unprivileged;

pub(crate) use app::{App, Bounds, Instance};
pub(crate) use client::{Client, Reply, order};
pub(crate) use cluster::{Cluster, Stop};
pub(crate) use database::{Backend, TestDatabase};
pub(crate) use document::document;
pub(crate) use hold::digest;
pub(crate) use pooler::Pooler;
pub(crate) use process::Process;
pub(crate) use proxy::{Fault, Proxy, Side};
pub(crate) use raw::Raw;

/// Writes a test once and runs it on both databases: `name::sqlite` and `name::postgres`. The
/// body gets an [`App`] with one instance running.
macro_rules! on_both {
    ($(#[$meta:meta])* async fn $name:ident($app:ident: &App) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn check($app: &crate::harness::App) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::harness::App::test(crate::harness::Backend::Sqlite, check).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::harness::App::test(crate::harness::Backend::Postgres, check).await;
            }
        }
    };
}
pub(crate) use on_both;
