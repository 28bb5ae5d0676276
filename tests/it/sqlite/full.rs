//! No space for another order: the disk is full, or the file has reached a size limit.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{assert_kept, database, file, inherit};
use crate::harness::{Acknowledged, Backend, Process, TestDatabase, order};

/// More orders than there is space for in any of these tests.
const ORDERS_MAX: usize = 20_000;

/// A file that takes up space until it is removed.
const BALLAST: &str = "ballast";

/// Mounts a disk of 6 MB, 5 of them used, and serves on it. The mount is in a namespace of the
/// process: it needs no privileges and ends with the process.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=6m none "$1" && cd "$1" && head -c 5000000 /dev/zero >ballast && exec "$2" serve
"#;

/// Timeouts under which a 503 comes soon.
fn short_timeouts(command: &mut Command) -> &mut Command {
    command
        .env("ORDERS_LOCK_WAIT", "300ms")
        .env("ORDERS_TRANSACTION_TIMEOUT", "1s")
        .env("ORDERS_REQUEST_TIMEOUT", "2s")
        .env("ORDERS_LOG", "warn")
        .stderr(Stdio::piped())
}

fn key(n: usize) -> String {
    format!("{n:0255}")
}

/// Places orders one after the other until one is answered 503, and returns their number.
async fn fill(server: &Process, acknowledged: &mut Acknowledged) -> usize {
    for n in 0..ORDERS_MAX {
        let started = Instant::now();
        let reply = server.client.place(&key(n), order(&key(n), 1)).await;
        if reply.status == 201 {
            acknowledged.insert(key(n), reply);
            continue;
        }
        assert_eq!(reply.header("retry-after"), Some("1"));
        reply.expect(503);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(9), "answered after {took:?}");
        return n;
    }
    panic!("there is space for {ORDERS_MAX} orders");
}

/// Stored orders are still read and replayed.
async fn assert_serves_stored_orders(server: &Process, acknowledged: &Acknowledged) {
    let (key, body) = acknowledged.iter().next().unwrap();
    let replay = server.client.place(key, order(key, 1)).await.expect(200);
    assert_eq!(replay.body, body);
    server.client.place(key, order(key, 2)).await.expect(409);
    let found = server.client.get(replay.header("location").unwrap()).await;
    assert_eq!(found.expect(200).body, body);
    server.client.get("/orders?limit=1000").await.expect(200);
    server.client.get("/health").await.expect(200);
}

/// Runs out of space and gets it back, without a restart.
async fn runs_out_of_space(
    server: &Process,
    acknowledged: &mut Acknowledged,
    make_space: impl FnOnce(),
) {
    let refused = fill(server, acknowledged).await;
    assert!(refused > 0, "there was no space for any order");
    assert_serves_stored_orders(server, acknowledged).await;
    let late = key(refused);
    let still = server.client.place(&late, order(&late, 1)).await;
    still.expect(503);

    make_space();
    for n in refused..refused + 20 {
        let (client, body) = (&server.client, order(&key(n), 1));
        acknowledged.insert(key(n), client.place_with_retries(&key(n), &body).await);
    }
}

/// The log names the cause and the file, in few lines.
fn assert_log(log: &str, causes: &[&str], file: &Path) {
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    let named = |line: &&&str| causes.iter().any(|cause| line.contains(cause));
    let line = warnings.iter().find(named);
    let line = line.unwrap_or_else(|| panic!("{causes:?} is not in the log: {log}"));
    assert!(line.contains(&file.display().to_string()), "{line}");
    assert!(warnings.len() < 20, "too many warnings: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_at_its_size_limit_is_503_until_the_limit_is_raised() {
    let (database, path) = database().await;
    let server = Process::start(short_timeouts(&mut Process::serving(&database)));
    let id = i32::try_from(server.id()).unwrap();
    let limit = |bytes| {
        let limits = Some((bytes, rlimit::INFINITY));
        rlimit::prlimit(id, rlimit::Resource::FSIZE, limits, None).unwrap();
    };
    limit(400_000);
    let mut acknowledged = Acknowledged::default();
    runs_out_of_space(&server, &mut acknowledged, || limit(rlimit::INFINITY)).await;
    assert_kept(&acknowledged, &server.client, &database).await;
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    assert_log(&log, &["disk I/O error"], &path);
    assert_intact(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_until_there_is_space() {
    let database = TestDatabase::create(Backend::Sqlite).await;
    let path = file(&database);
    let folder = path.parent().unwrap();
    let server = serve_on_a_small_disk(&database, folder);
    // The directory as the process sees it: the mount exists only in its namespace.
    let inside = format!("/proc/{}/root{}", server.id(), folder.display());
    let inside = Path::new(&inside);

    let mut acknowledged = Acknowledged::default();
    runs_out_of_space(&server, &mut acknowledged, || {
        std::fs::remove_file(inside.join(BALLAST)).unwrap();
    })
    .await;

    // The disk ends with the process. A copy taken while it is stopped is what a power failure leaves.
    server.signal("STOP");
    for name in ["orders.db", "orders.db-wal"] {
        std::fs::copy(inside.join(name), folder.join(name)).unwrap();
    }
    server.signal("CONT");
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    assert_log(&log, &["database or disk is full", "disk I/O error"], &path);
    assert_intact(&database).await;
    let server = Process::serve(&database);
    assert_kept(&acknowledged, &server.client, &database).await;
}

fn serve_on_a_small_disk(database: &TestDatabase, folder: &Path) -> Process {
    let possible = Command::new("unshare")
        .args(["--mount", "--map-root-user", "true"])
        .output();
    let possible = possible.unwrap();
    assert!(
        possible.status.success(),
        "this test mounts a disk: it needs unshare (util-linux) and user namespaces for this user: \
         {}",
        String::from_utf8_lossy(&possible.stderr)
    );
    let serving = Process::serving(database);
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user"])
        .args(["sh", "-c", ON_A_SMALL_DISK, "sh"])
        .arg(folder)
        .arg(serving.get_program())
        .stdin(Stdio::null());
    inherit(&mut command, &serving);
    Process::start(short_timeouts(&mut command))
}

/// The file is intact and the promise holds.
async fn assert_intact(database: &TestDatabase) {
    let complaints = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(database.count(complaints).await, 0);
    database.assert_promise().await;
}
