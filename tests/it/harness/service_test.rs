//! Macros that write a test once and run it on one database or on both.

/// Runs a test on SQLite and on PostgreSQL, as `name::sqlite` and `name::postgres`.
///
/// The parameter says what the test gets. Every test has a database of its own:
///
/// - `app: &App`: a service with one instance;
/// - `app: &App with BOUNDS`: the same with these [`Bounds`](crate::harness::Bounds);
/// - `database: &TestDatabase`: a database with the schema, for a test that starts processes;
/// - `backend: Backend`: the kind of database only, for everything else.
///
/// The first three assert the promise at the end and remove the database.
macro_rules! on_both {
    ($($test:tt)*) => {
        crate::harness::test_on! { [sqlite: Sqlite, postgres: Postgres] $($test)* }
    };
}
pub(crate) use on_both;

/// Runs a test once, on SQLite, as `name::sqlite`. It takes what [`on_both!`] takes.
///
/// For a test that reaches no database (a request that is refused before it is queued, a
/// connection limit): the second run would prove nothing new. And for what only SQLite does.
macro_rules! on_sqlite {
    ($($test:tt)*) => {
        crate::harness::test_on! { [sqlite: Sqlite] $($test)* }
    };
}
pub(crate) use on_sqlite;

/// Runs a test on PostgreSQL only, as `name::postgres`. It takes what [`on_both!`] takes.
macro_rules! on_postgres {
    ($($test:tt)*) => {
        crate::harness::test_on! { [postgres: Postgres] $($test)* }
    };
}
pub(crate) use on_postgres;

/// The forms of [`on_both!`], each reduced to the one that takes a `Backend`.
macro_rules! test_on {
    ($on:tt $(#[$meta:meta])* async fn $name:ident($app:ident: &App) $body:block) => {
        crate::harness::test_on! {
            $on $(#[$meta])* async fn $name($app: &App with crate::harness::Bounds::default()) $body
        }
    };
    ($on:tt $(#[$meta:meta])* async fn $name:ident($app:ident: &App with $bounds:expr) $body:block) => {
        crate::harness::test_on! {
            $on $(#[$meta])* async fn $name(backend: Backend) {
                async fn test($app: &crate::harness::App) $body
                crate::harness::App::test(backend, $bounds, test).await;
            }
        }
    };
    ($on:tt $(#[$meta:meta])* async fn $name:ident($database:ident: &TestDatabase) $body:block) => {
        crate::harness::test_on! {
            $on $(#[$meta])* async fn $name(backend: Backend) {
                async fn test($database: &crate::harness::TestDatabase) $body
                crate::harness::TestDatabase::test(backend, test).await;
            }
        }
    };
    (
        [$($run:ident: $kind:ident),+]
        $(#[$meta:meta])* async fn $name:ident($backend:ident: Backend) $body:block
    ) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn check($backend: crate::harness::Backend) $body

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $run() {
                    check(crate::harness::Backend::$kind).await;
                }
            )+
        }
    };
}
pub(crate) use test_on;
