//! The file is corrupt: its header, or a page in the middle.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{assert_one_error, close, database};
use crate::harness::{Acknowledged, Process, TestDatabase, order};

const ORDERS: usize = 600;

/// Overwrites a part of the file with bytes that are invalid in SQLite's format.
fn destroy(file: &Path, offset: u64, length: u64) {
    let garbage = vec![0xA5; usize::try_from(length).unwrap()];
    let file = OpenOptions::new().write(true).open(file).unwrap();
    file.write_all_at(&garbage, offset).unwrap();
}

async fn page_size(database: &TestDatabase) -> u64 {
    let size = "SELECT page_size FROM pragma_page_size";
    u64::try_from(database.count(size).await).unwrap()
}

/// Destroys a leaf page in the middle of a table.
async fn destroy_page_of(database: &TestDatabase, file: &Path, table: &str) {
    let leaf = format!(
        "SELECT pageno FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf' ORDER BY path \
         LIMIT 1 OFFSET (SELECT count(*) / 2 FROM dbstat \
         WHERE name = '{table}' AND pagetype = 'leaf')"
    );
    // Pages are counted from 1.
    let page = u64::try_from(database.count(&leaf).await).unwrap() - 1;
    let size = page_size(database).await;
    destroy(file, page * size, size);
}

/// A database with orders, its file, which no process has open, and the acknowledged orders.
async fn filled() -> (TestDatabase, PathBuf, Acknowledged) {
    let (database, file) = database().await;
    let server = Process::serve(&database);
    let mut placing = tokio::task::JoinSet::new();
    for key in (0..ORDERS).map(|n| format!("key-{n:04}")) {
        let client = server.client.clone();
        placing.spawn(async move {
            let reply = client.place_with_retries(&key, &order(&key, 1)).await;
            (key, reply)
        });
    }
    let mut acknowledged = Acknowledged::default();
    for (key, reply) in placing.join_all().await {
        acknowledged.insert(key, reply);
    }
    server.stop();
    close(&database).await;
    (database, file, acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_database_is_named_and_not_changed() {
    let (database, file, _) = filled().await;
    let first_page = page_size(&database).await;
    for (what, length) in [("header", 100), ("first page", first_page)] {
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
            let what = format!("{what}, {arguments:?}: {stderr}");
            assert_eq!(output.status.code(), Some(2), "{what}");
            assert_one_error(&stderr, &what);
            assert!(stderr.contains("file is not a database"), "{what}");
            assert!(stderr.contains(&file.display().to_string()), "{what}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "{what}: changed");
    }
}

/// Starts a server with its log in a pipe.
fn serve(database: &TestDatabase) -> Process {
    Process::start(Process::serving(database).stderr(Stdio::piped()))
}

/// Stops a server. Its log names the corruption and the file.
fn assert_log(server: Process, file: &Path) {
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("malformed"));
    let line = line.unwrap_or_else(|| panic!("the corruption is not in the log: {log}"));
    assert!(line.contains(&file.display().to_string()), "{line}");
}

/// Requests whose row is on the page are answered 500, also when they are repeated. All others are served, no order
/// is placed twice, and no other row is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_page_of_keys_fails_the_requests_that_read_it_and_no_others() {
    let (database, file, acknowledged) = filled().await;
    destroy_page_of(&database, &file, "idempotency_keys").await;

    let server = serve(&database);
    let mut requests = tokio::task::JoinSet::new();
    for (key, body) in acknowledged.iter() {
        let (client, key, body) = (server.client.clone(), key.to_owned(), body.clone());
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
    let new = server.client.place("zzz", order("zzz", 1)).await;
    new.expect(201);
    assert_eq!(database.orders().await, i64::try_from(ORDERS + 1).unwrap());
    assert_log(server, &file);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupt_page_of_orders_fails_its_readers_and_not_the_replays() {
    let (database, file, acknowledged) = filled().await;
    destroy_page_of(&database, &file, "orders").await;

    let server = serve(&database);
    acknowledged.assert_replayed(&server.client).await;
    let new = server.client.place("new", order("new", 1)).await;
    new.expect(201);
    let list = server.client.get("/orders?limit=1000").await;
    list.expect_error(500, "internal error");
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("database disk image is malformed"), "{log}");
}
