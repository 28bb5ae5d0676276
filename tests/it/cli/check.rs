//! `orders serve --check`

use crate::cli::{assert_fails, run, within};
use crate::harness::{Backend, Process, TestDatabase, on_both, order};

/// Runs the check and returns its exit code and its data.
fn checked(database: &TestDatabase, flags: &[&str]) -> (i32, String) {
    let arguments = [&["serve", "--check"], flags].concat();
    let (code, stdout, stderr) = run(&mut Process::on(database, &arguments));
    assert_eq!(stderr, "");
    (code, stdout)
}

on_both! {
    async fn a_server_that_would_start_passes_also_beside_one_that_runs(database: &TestDatabase) {
        assert_eq!(checked(database, &[]), (0, "ok\n".to_owned()));
        let server = Process::serve(database);
        server.client.place("key", order("tea", 2)).await.expect(201);
        let port = server.client.address.port().to_string();
        assert_eq!(checked(database, &["--no-migrate", "--port", &port]).0, 0);
        server.client.place("key", order("tea", 2)).await.expect(200);
        server.stop();
    }
}

on_both! {
    async fn an_outdated_schema_is_reported_and_not_changed(backend: Backend) {
        let database = TestDatabase::create_migrated(backend).await;
        let down = Process::run(&[
            "migrate", "down", "--yes", "--steps", "99", "--database-url", &database.url,
        ]);
        assert!(down.status.success(), "{down:?}");
        for _ in 0..2 {
            let (code, text) = checked(&database, &["--no-migrate"]);
            assert_eq!(code, 1, "{text}");
            assert!(text.contains("pending m20261122_000001_orders\n"), "{text}");
            assert!(text.contains("run orders migrate up"), "{text}");
            let (code, text) = checked(&database, &[]);
            assert_eq!(code, 0, "{text}");
            assert!(text.contains("applies the pending migrations"), "{text}");
        }
        database.drop().await;
    }
}

#[tokio::test]
async fn what_keeps_the_server_from_starting_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    let unreachable = "postgres://me:s3cret@127.0.0.1:1/x";
    for (flags, words) in [
        (
            &["--database-url", unreachable][..],
            &["me:***@127.0.0.1:1/x", "refused"][..],
        ),
        (
            &["--database-url", "sqlite://absent.db"],
            &["absent.db", "does not exist"],
        ),
        (&["--database-url", ""], &["the database URL is empty"]),
        (
            &["--host", "no.such.host.invalid"],
            &["cannot listen on", "no.such.host.invalid"],
        ),
        (&["--lock-wait", "20s"], &["--lock-wait", "must be shorter"]),
        (
            &["--tls-cert", "no.pem", "--tls-key", "no.pem"],
            &["no.pem", "certificate"],
        ),
    ] {
        let arguments = [&["serve", "--check"], flags].concat();
        let mut command = within(&folder, &arguments);
        command.env("ORDERS_LOG", "error");
        if !flags.contains(&"--database-url") {
            command.env("DATABASE_URL", &database.url);
        }
        assert_fails(&mut command, words);
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "a file was left"
    );
    database.drop().await;
}
