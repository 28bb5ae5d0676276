//! The file or its directory is read-only.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{assert_kept, assert_one_error, database, inherit};
use crate::harness::{Acknowledged, Backend, Process, TestDatabase, order};

const READ_ONLY: u32 = 0o444;
const READ_ONLY_FOLDER: u32 = 0o555;

fn chmod(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The binary without root's capabilities to override file permissions.
fn unprivileged(database: &TestDatabase, arguments: &[&str]) -> Command {
    let orders = Process::on(database, arguments);
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        return orders;
    }
    let mut command = Command::new("setpriv");
    command
        .arg("--bounding-set=-dac_override,-dac_read_search")
        .arg(orders.get_program())
        .args(arguments)
        .stdin(Stdio::null());
    inherit(&mut command, &orders);
    command
}

/// Exit code 2, and one line that names the cause and the file.
#[track_caller]
fn assert_refuses(mut command: Command, file: &Path, causes: &[&str]) {
    let output = Process::output(&mut command);
    let (stdout, stderr) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stdout.is_empty(), "{stderr}");
    assert_one_error(&stderr, &stderr);
    assert!(stderr.contains(&file.display().to_string()), "{stderr}");
    assert!(
        causes.iter().any(|cause| stderr.contains(cause)),
        "{stderr}"
    );
}

const CAUSES: [&str; 3] = [
    "attempt to write a readonly database",
    "unable to open database file",
    "ermission denied",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_is_not_served() {
    let (database, file) = database().await;
    chmod(&file, READ_ONLY);
    for arguments in [
        &["serve"][..],
        &["serve", "--no-migrate"],
        &["migrate", "down", "--yes"],
        &["migrate", "fresh", "--yes"],
    ] {
        assert_refuses(unprivileged(&database, arguments), &file, &CAUSES[..1]);
    }
    // Reading needs no permission to write.
    let status = Process::output(&mut unprivileged(&database, &["migrate", "status"]));
    assert_eq!(status.status.code(), Some(0), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_is_not_served() {
    let (database, file) = database().await;
    let folder = file.parent().unwrap();
    chmod(folder, READ_ONLY_FOLDER);
    for arguments in [&["serve"][..], &["migrate", "down", "--yes"]] {
        assert_refuses(unprivileged(&database, arguments), &file, &CAUSES);
    }
    // A new file cannot be created.
    let absent = TestDatabase::create(Backend::Sqlite).await;
    let missing = super::file(&absent);
    chmod(missing.parent().unwrap(), READ_ONLY_FOLDER);
    for arguments in [&["serve"][..], &["migrate", "up"]] {
        assert_refuses(unprivileged(&absent, arguments), &missing, &CAUSES);
    }
    chmod(missing.parent().unwrap(), 0o755);
    chmod(folder, 0o755);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_becomes_read_only_loses_no_acknowledged_order() {
    let (database, file) = database().await;
    let folder = file.parent().unwrap().to_owned();
    let mut acknowledged = Acknowledged::default();
    let serve = || {
        let mut command = unprivileged(&database, &["serve", "--lock-wait=300ms"]);
        command.env("ORDERS_TRANSACTION_TIMEOUT", "1s");
        Process::start(command.env("ORDERS_REQUEST_TIMEOUT", "2s"))
    };
    let server = serve();
    let place = async |acknowledged: &mut Acknowledged, server: &Process, name: &str| {
        for key in (0..20).map(|n| format!("{name}-{n}")) {
            let (client, body) = (&server.client, order(&key, 1));
            let placed = client.place_with_retries(&key, &body).await;
            acknowledged.insert(key, placed);
        }
    };
    place(&mut acknowledged, &server, "before").await;
    // A process that has the file open can still write to it.
    chmod(&file, READ_ONLY);
    chmod(&folder, READ_ONLY_FOLDER);
    place(&mut acknowledged, &server, "during").await;
    server.kill();
    assert_refuses(unprivileged(&database, &["serve"]), &file, &CAUSES);

    chmod(&folder, 0o755);
    chmod(&file, 0o644);
    let server = serve();
    assert_kept(&acknowledged, &server.client, &database).await;
    place(&mut acknowledged, &server, "after").await;
    assert_kept(&acknowledged, &server.client, &database).await;
    database.assert_promise().await;
}
