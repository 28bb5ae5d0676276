//! The command line: the real binary, its output and its exit status.

mod backup;
mod check;
mod completions;
mod confirm;
mod hints;
mod manual;
mod migrate;
mod progress;
mod serve;
mod usage;

use std::process::{Command, Output, Stdio};

use crate::harness::Process;

/// Runs a command to its end: exit code, stdout, stderr.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Process::output(command);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The binary in a working directory, with its log in a pipe.
pub(crate) fn within(folder: &tempfile::TempDir, arguments: &[&str]) -> Command {
    let mut command = Process::command(arguments);
    command
        .current_dir(folder)
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .stderr(Stdio::piped());
    command
}

/// Asserts exit status 2, one line on stderr that contains all of `words`, perhaps a hint after it,
/// and no data.
#[track_caller]
pub(crate) fn assert_fails(command: &mut Command, words: &[&str]) {
    let (code, stdout, stderr) = run(command);
    assert_eq!((code, &*stdout), (2, ""), "{stderr}");
    let kinds: Vec<&str> = stderr
        .lines()
        .map(|line| &line[..line.find(' ').unwrap_or(0)])
        .collect();
    assert!(
        kinds == ["error:"] || kinds == ["error:", "hint:"],
        "{stderr}"
    );
    for word in words {
        assert!(stderr.contains(word), "{word} is missing in: {stderr}");
    }
    assert!(!stderr.contains("s3cret"), "{stderr}");
}
