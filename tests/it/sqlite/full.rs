//! There is no room for another order: the disk is full, or the file may not grow.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Acknowledged, database, file, inherit};
use crate::harness::{Process, TestDatabase, order};

/// More orders than there is room for, in any of these tests.
const ORDERS_MAX: usize = 20_000;

/// Something that takes up room until it is removed.
const BALLAST: &str = "ballast";

/// A disk of its own for a process and for nobody else: 6 MB, of which 5 are taken. It is a mount
/// in a namespace of the process, so it needs no rights, and it is gone with the process.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=6m none "$1" && cd "$1" && head -c 5000000 /dev/zero >ballast && exec "$2" serve
"#;

/// Bounds under which a refusal comes soon.
fn impatient(command: &mut Command) -> &mut Command {
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

/// Places orders one after the other until one is refused, and returns how many there were.
async fn fill(server: &Process, acknowledged: &mut Acknowledged) -> usize {
    for n in 0..ORDERS_MAX {
        let started = Instant::now();
        let reply = server.client.place(&key(n), order(&key(n), 1)).await;
        if reply.status == 201 {
            acknowledged.0.insert(key(n), reply.body);
            continue;
        }
        assert_eq!(reply.header("retry-after"), Some("1"));
        reply.expect(503);
        assert!(started.elapsed() < Duration::from_secs(8), "in good time");
        return n;
    }
    panic!("there is room for everything");
}

/// What is stored is still read and replayed, and nothing else is promised.
async fn assert_serves_what_it_has(server: &Process, acknowledged: &Acknowledged) {
    let (key, body) = acknowledged.0.iter().next().unwrap();
    let replay = server.client.place(key, order(key, 1)).await.expect(200);
    assert_eq!(replay.body, body);
    server.client.place(key, order(key, 2)).await.expect(409);
    let found = server.client.get(replay.header("location").unwrap()).await;
    assert_eq!(found.expect(200).body, body);
    server.client.get("/orders?limit=1000").await.expect(200);
    server.client.get("/health").await.expect(200);
}

/// From no room to room again, without a restart.
async fn runs_out_of_room(
    server: &Process,
    acknowledged: &mut Acknowledged,
    make_room: impl FnOnce(),
) {
    let refused = fill(server, acknowledged).await;
    assert!(refused > 0, "there was room for some");
    assert_serves_what_it_has(server, acknowledged).await;
    let late = key(refused);
    let still = server.client.place(&late, order(&late, 1)).await;
    still.expect(503);

    make_room();
    for n in refused..refused + 20 {
        let reply = server.client.persist(&key(n), &order(&key(n), 1)).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
        acknowledged.0.insert(key(n), reply.body);
    }
}

/// The log says once what is wrong and where.
fn assert_log(log: &str, causes: &[&str], file: &Path) {
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    let named = |line: &&&str| causes.iter().any(|cause| line.contains(cause));
    let line = warnings.iter().find(named);
    let line = line.unwrap_or_else(|| panic!("no {causes:?} in: {log}"));
    assert!(line.contains(&file.display().to_string()), "{line}");
    assert!(warnings.len() < 20, "a log is not a flood: {log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_may_not_grow_is_503_until_it_may() {
    let (database, path) = database().await;
    let server = Process::start(impatient(&mut Process::serving(&database)));
    let id = i32::try_from(server.id()).unwrap();
    let limit = |bytes| {
        let limits = Some((bytes, rlimit::INFINITY));
        rlimit::prlimit(id, rlimit::Resource::FSIZE, limits, None).unwrap();
    };
    limit(400_000);
    let mut acknowledged = Acknowledged::default();
    runs_out_of_room(&server, &mut acknowledged, || limit(rlimit::INFINITY)).await;
    acknowledged.assert_kept(&server.client, &database).await;
    server.signal("TERM");
    let (code, log) = server.log();
    assert_eq!(code, Some(0), "{log}");
    assert_log(&log, &["disk I/O error"], &path);
    assert_intact(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_503_until_there_is_room() {
    let database = TestDatabase::create(crate::harness::Backend::Sqlite).await;
    let path = file(&database);
    let folder = path.parent().unwrap();
    let server = serve_on_a_small_disk(&database, folder);
    // The process's own view of its folder; nobody else sees that disk.
    let inside = format!("/proc/{}/root{}", server.id(), folder.display());
    let inside = Path::new(&inside);

    let mut acknowledged = Acknowledged::default();
    runs_out_of_room(&server, &mut acknowledged, || {
        std::fs::remove_file(inside.join(BALLAST)).unwrap();
    })
    .await;

    // The disk goes with the process: what a power cut would leave is looked at from here.
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
    acknowledged.assert_kept(&server.client, &database).await;
}

fn serve_on_a_small_disk(database: &TestDatabase, folder: &Path) -> Process {
    let possible = Command::new("unshare")
        .args(["--mount", "--map-root-user", "true"])
        .output();
    let possible = possible.unwrap();
    assert!(
        possible.status.success(),
        "a full disk needs a mount of its own (util-linux's unshare, and user namespaces that are \
         allowed to this user): {}",
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
    Process::start(impatient(&mut command))
}

/// The file is sound and the promise holds.
async fn assert_intact(database: &TestDatabase) {
    let complaints = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    assert_eq!(database.count(complaints).await, 0);
    database.assert_promise().await;
}
