//! The file is not what it was: its header, or a page in the middle.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use super::{Acknowledged, close, database};
use crate::harness::{Process, TestDatabase, order};

/// What a new file has.
const PAGE: u64 = 2048;

const ORDERS: usize = 600;

/// Overwrites a part of the file with what is nothing in SQLite's format.
fn destroy(file: &Path, offset: u64, length: u64) {
    let garbage = vec![0xA5; usize::try_from(length).unwrap()];
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(&garbage, offset).unwrap();
}

/// A page in the middle of a table: half of its leaves come before it. Counted from 1.
async fn page_of(database: &TestDatabase, table: &str) -> u64 {
    let leaf = format!(
        "SELECT pageno FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf' ORDER BY path \
         LIMIT 1 OFFSET (SELECT count(*) / 2 FROM dbstat \
         WHERE name = '{table}' AND pagetype = 'leaf')"
    );
    u64::try_from(database.count(&leaf).await).unwrap()
}

/// A file with orders in it, and nobody at work.
async fn filled() -> (TestDatabase, std::path::PathBuf, Acknowledged) {
    let (database, file) = database().await;
    let server = Process::serve(&database);
    let mut placing = tokio::task::JoinSet::new();
    for key in (0..ORDERS).map(|n| format!("key-{n:04}")) {
        let client = server.client.clone();
        placing.spawn(async move {
            let reply = client.persist(&key, &order(&key, 1)).await;
            (key, reply.expect(201).body)
        });
    }
    let acknowledged = Acknowledged(placing.join_all().await.into_iter().collect());
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    close(&database).await;
    (database, file, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_database_is_named_and_left_as_it_is() {
    let (database, file, _) = filled().await;
    for (what, length) in [("header", 100), ("first page", PAGE)] {
        destroy(&file, 0, length);
        let before = std::fs::read(&file).unwrap();
        for arguments in [
            &["serve"][..],
            &["serve", "--no-migrate"],
            &["migrate", "up"],
            &["migrate", "status"],
            &["migrate", "fresh", "--yes"],
        ] {
            let output = Process::output(&mut Process::on(&database, arguments));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(
                output.status.code(),
                Some(2),
                "{what} {arguments:?}: {stderr}"
            );
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(stderr.contains("file is not a database"), "{stderr}");
            assert!(stderr.contains(&file.display().to_string()), "{stderr}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "it was written to");
    }
}

/// Starts with the log in a pipe.
fn serve(database: &TestDatabase) -> Process {
    let mut command = Process::serving(database);
    Process::start(command.stderr(Stdio::piped()))
}

/// Whoever meets the bad page is told that it failed, which time does not mend, and nobody else
/// notices: no order is placed twice, none that is whole is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_page_of_keys_fails_the_requests_that_meet_it_and_no_others() {
    let (database, file, acknowledged) = filled().await;
    let page = page_of(&database, "idempotency_keys").await;
    destroy(&file, (page - 1) * PAGE, PAGE);

    let server = serve(&database);
    let mut requests = tokio::task::JoinSet::new();
    for (key, body) in acknowledged.0.clone() {
        let client = server.client.clone();
        requests.spawn(async move { (client.place(&key, order(&key, 1)).await, body) });
    }
    let (mut replayed, mut failed) = (0, 0);
    for (reply, body) in requests.join_all().await {
        if reply.status == 200 {
            assert_eq!(reply.body, body);
            replayed += 1;
        } else {
            reply.expect_error(500, "internal error");
            failed += 1;
        }
    }
    assert!(failed > 0 && replayed > ORDERS / 2, "{failed} {replayed}");
    // Its neighbours in the tree, and orders themselves, are whole.
    server
        .client
        .place("zzz", order("zzz", 1))
        .await
        .expect(201);
    assert_eq!(database.orders().await, i64::try_from(ORDERS + 1).unwrap());
    assert_log(server, &file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_page_of_orders_fails_its_readers_and_replays_go_on() {
    let (database, file, acknowledged) = filled().await;
    let page = page_of(&database, "orders").await;
    destroy(&file, (page - 1) * PAGE, PAGE);

    let server = serve(&database);
    for (key, body) in &acknowledged.0 {
        let replay = server.client.place(key, order(key, 1)).await.expect(200);
        assert_eq!(replay.body, body);
    }
    server
        .client
        .place("new", order("new", 1))
        .await
        .expect(201);
    let list = server.client.get("/orders?limit=1000").await;
    list.expect_error(500, "internal error");
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("database disk image is malformed"), "{log}");
}

#[track_caller]
fn assert_log(server: Process, file: &Path) {
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("malformed"));
    let line = line.unwrap_or_else(|| panic!("no cause in {log}"));
    assert!(line.contains(&file.display().to_string()), "{line}");
}
