//! Arguments of `orders consume`: errors name the flag and keep secrets.

use crate::harness::Process;

/// Runs the command, which must refuse its arguments, and returns what it says.
fn refused(arguments: &[&str]) -> String {
    let output = Process::run(&[&["consume"], arguments].concat());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(output.stdout.is_empty());
    assert!(!text.contains("s3cret"), "{text}");
    text
}

#[test]
fn an_argument_that_cannot_be_used_is_named() {
    let from = "--from=kafka://127.0.0.1:1/t";
    for (arguments, expected) in [
        (&["--group=g"][..], &["--from <URL>"][..]),
        (&[from], &["--group <GROUP>"]),
        (&[from, "--group="], &["--group must not be empty"]),
        (
            &["--from=me:s3cret@h:1/t", "--group=g"],
            &["--from", "kafka://HOST:PORT"],
        ),
        (
            &["--from=kafka://me:s3cret@h/t", "--group=g"],
            &["--from", "HOST:PORT, with a port"],
        ),
        (
            &["--from=kafka://h:1/t?acks=0", "--group=g"],
            &["--from", "\"acks\"", "session.timeout.ms"],
        ),
        (
            &[from, "--group=g", "--dead-letter=a b"],
            &["--dead-letter", "a-z"],
        ),
        (
            &[from, "--group=g", "--dead-letter=t"],
            &["--dead-letter must be another topic", "--from, t"],
        ),
        (
            &[from, "--group=g", "--tenant=a b"],
            &["--tenant", "visible ASCII"],
        ),
        (
            &[from, "--group=g", "--poll-max=0"],
            &["--poll-max", "at least 1"],
        ),
        (
            &[from, "--group=g", "--lock-wait=9s"],
            &["--lock-wait (9s)", "--transaction-timeout (5s)"],
        ),
        (
            &[from, "--group=g", "--metrics-address=9464"],
            &["--metrics-address must be HOST:PORT"],
        ),
        (
            &[from, "--group=g", "--metrics-address=192.0.2.1:9464"],
            &["cannot listen on 192.0.2.1:9464"],
        ),
        (
            &[from, "--group=g", "--database-url="],
            &["the database URL is empty"],
        ),
    ] {
        let text = refused(arguments);
        for part in expected {
            assert!(text.contains(part), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn an_option_with_a_wrong_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("--database-url=sqlite://{}/x.db", folder.path().display());
    let text = refused(&[
        "--from=kafka://127.0.0.1:1/t?session.timeout.ms=soon",
        "--group=g",
        &database,
    ]);
    assert!(text.contains("session.timeout.ms"), "{text}");
}
