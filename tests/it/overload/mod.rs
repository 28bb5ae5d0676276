//! Overload: thousands of clients, slow clients, a slow database, and a shutdown under load. The
//! server refuses early, uses bounded memory, and recovers.

mod load;
mod shutdown;
mod slow_clients;
mod slow_database;

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use crate::harness::Process;

/// Lets the tests of this module run one at a time, with enough file descriptors for the clients
/// of one.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    let files = rlimit::increase_nofile_limit(16_384).unwrap();
    assert!(files >= 4_096, "only {files} open files (ulimit -n)");
    ALONE.lock().await
}

/// The peak memory of the process in megabytes.
fn memory_peak(server: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() / 1024
}

/// The number of open files of the process, connections included.
fn open_files(server: &Process) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id()));
    open.unwrap().count()
}

async fn pause(seconds: f64) {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
}
