//! What an error says to do next.

use std::net::TcpListener;
use std::process::Command;

use crate::cli::{assert_fails, run, within};
use crate::harness::{Process, TestDatabase, on_both};

/// The error ends with a line that says what to do.
#[track_caller]
fn assert_hint(command: &mut Command, hint: &str) {
    // Only the error, not what went well before it.
    command.env("ORDERS_LOG", "error");
    assert_fails(command, &[]);
    let (_, _, stderr) = run(command);
    let last = stderr.lines().last().unwrap();
    assert!(
        last.starts_with("hint: ") && last.contains(hint),
        "{hint} is missing in: {stderr}"
    );
}

#[test]
fn errors_of_the_configuration_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there.db"), "").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (arguments, hint) in [
        (
            &["serve", "--port", &port][..],
            "pass --port 0 for a free one",
        ),
        (
            &["serve", "--host", "no.such.host.invalid"],
            "--host must be an address",
        ),
        (&["serve", "--log", "loud=very"], "such as debug"),
        (
            &["serve", "--tls-cert", "no.pem", "--tls-key", "no.pem"],
            "need PEM files",
        ),
        (
            &[
                "serve",
                "--database-url",
                "postgres://me:s3cret@127.0.0.1:1/x",
            ],
            "--wait-for-database",
        ),
        (
            &["migrate", "up", "--database-url", "sqlite://no/such/x.db"],
            "create the directory",
        ),
        (
            &["hammer", "--url", "http://no.such.host.invalid"],
            "correct the name of the host",
        ),
        (
            &[
                "hammer",
                "--url",
                "http://127.0.0.1:1",
                "--contract",
                "no.toml",
            ],
            "orders hammer contract",
        ),
        (&["hammer", "check", "no-such-report"], "history.ndjson"),
    ] {
        assert_hint(&mut within(&folder, arguments), hint);
    }
}

#[test]
fn a_hint_is_a_member_of_the_json_log() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["hammer", "check", "no-such-report", "--log-format", "json"];
    let (code, _, stderr) = run(&mut within(&folder, &arguments));
    assert_eq!((code, stderr.lines().count()), (2, 1), "{stderr}");
    let line: serde_json::Value = serde_json::from_str(&stderr).unwrap();
    assert!(
        line["hint"].as_str().unwrap().contains("history.ndjson"),
        "{stderr}"
    );
    assert!(
        !line["message"].as_str().unwrap().contains("hint"),
        "{stderr}"
    );
}

on_both! {
    async fn errors_of_a_database_say_what_to_do(app: &App) {
        let folder = tempfile::tempdir().unwrap();
        let (command, hint) = match app.database.backend {
            crate::harness::Backend::Postgres => {
                let absent = format!("{}_not", app.database.url);
                let mut command = within(&folder, &["serve"]);
                command.env("DATABASE_URL", absent);
                (command, "correct the user, the password or the database")
            }
            crate::harness::Backend::Sqlite => {
                let file = folder.path().join("there.db");
                std::fs::write(&file, "").unwrap();
                let arguments = ["backup", file.to_str().unwrap()];
                (Process::on(&app.database, &arguments), "name another file")
            }
        };
        let mut command = command;
        let asked = tokio::task::spawn_blocking(move || assert_hint(&mut command, hint));
        asked.await.unwrap();
        let empty = TestDatabase::create(app.database.backend).await;
        let migrated = run(&mut Process::on(&empty, &["migrate", "up"]));
        assert_eq!(migrated.0, 0, "{}", migrated.2);
        empty.drop().await;
    }
}
