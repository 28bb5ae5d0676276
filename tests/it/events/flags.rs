//! Flags that cannot be used are named before anything starts.

use crate::cli::{assert_fails, run, within};
use crate::harness::{Backend, Process, TestDatabase};

use super::{Receiver, SECRET};

#[tokio::test]
async fn a_sink_that_cannot_be_used_is_named_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let short = "whsec_c2hvcnQ=";
    for (url, secret, words) in [
        ("", None, &["--events", "stdout:"][..]),
        ("stdout", None, &["--events", "stdout:"]),
        ("amqp://u:s3cret@h/x", None, &["--events", "kafka://"]),
        ("kafka://:s3cret@h:1/x", None, &["--events"]),
        ("kafka://h:1", None, &["--events", "topic"]),
        ("kafka://h:1/x?acks=0", None, &["--events", "acks"]),
        (
            "https://u:s3cret@h/x",
            Some(SECRET),
            &["--events", "password"],
        ),
        (
            "https://h/x#s3cret",
            Some(SECRET),
            &["--events", "fragment"],
        ),
        (
            "https://s3cret:x/",
            Some(SECRET),
            &["--events", "malformed"],
        ),
        (
            "https://h/s3cret",
            None,
            &["--events", "https://h", "ORDERS_WEBHOOK_SECRET"],
        ),
        (
            "https://h/x",
            Some("s3cret"),
            &["ORDERS_WEBHOOK_SECRET", "whsec_"],
        ),
        (
            "https://h/x",
            Some(short),
            &["ORDERS_WEBHOOK_SECRET", "24 to 64 bytes"],
        ),
    ] {
        for arguments in [&["serve"][..], &["serve", "--check"], &["relay"]] {
            let mut command = within(&folder, arguments);
            command.args(["--events", url]);
            if let Some(secret) = secret {
                command.env("ORDERS_WEBHOOK_SECRET", secret);
            }
            assert_fails(&mut command, words);
        }
    }
    for (flag, value) in [
        ("--events-source", ""),
        ("--events-source", "a b"),
        ("--publish-timeout", "0s"),
        ("--publish-timeout", "2h"),
    ] {
        let mut command = within(&folder, &["serve", "--events", "stdout:", flag, value]);
        assert_fails(&mut command, &[flag]);
    }
    let relay = ["relay", "--events", "stdout:", "--metrics-address"];
    for address in ["9464", "192.0.2.1:9464"] {
        let mut command = within(&folder, &[&relay[..], &[address]].concat());
        assert_fails(&mut command, &["--metrics-address"]);
    }
    assert_fails(
        &mut within(&folder, &["relay"]),
        &["--events", "ORDERS_EVENTS"],
    );
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "nothing was started: {left:?}");
}

#[tokio::test]
async fn the_check_proves_that_the_receiver_is_there_and_sends_nothing() {
    let database = TestDatabase::create_migrated(Backend::Sqlite).await;
    let receiver = Receiver::start().await;
    let check = |url: &str, flags: &[&str]| {
        let arguments = [&["serve", "--check", "--events", url], flags].concat();
        let mut command = Process::on(&database, &arguments);
        run(command.env("ORDERS_WEBHOOK_SECRET", SECRET))
    };
    assert_eq!(check("stdout:", &[]).0, 0);
    let (code, stdout, stderr) = check(&receiver.url(), &[]);
    assert_eq!((code, &*stdout), (0, "ok\n"), "{stderr}");
    assert!(receiver.received().is_empty());
    let url = receiver.url();
    receiver.stop().await;
    let (code, _, stderr) = check(&url, &[]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("--events") && !stderr.contains("s3cret"),
        "{stderr}"
    );
    // A server that leaves the events to a relay does not reach the receiver.
    assert_eq!(check(&url, &["--no-relay"]).0, 0);
    database.finish().await;
}

#[tokio::test]
async fn a_relay_needs_the_current_schema() {
    let database = TestDatabase::create(Backend::Sqlite).await;
    let mut command = Process::on(&database, &["relay", "--events", "stdout:"]);
    assert_fails(&mut command, &["orders.db"]);
    database.migrate().await;
    let down = Process::on(&database, &["migrate", "down", "--yes"])
        .output()
        .unwrap();
    assert!(down.status.success(), "{down:?}");
    let mut command = Process::on(&database, &["relay", "--events", "stdout:"]);
    assert_fails(&mut command, &["schema", "orders migrate up"]);
    database.drop().await;
}
