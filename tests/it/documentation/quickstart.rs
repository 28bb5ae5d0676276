//! The first minutes of the README, run as they stand there.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::{between, read};
use crate::harness::Process;

/// Headers whose values differ from run to run.
const CHANGING: [&str; 6] = [
    "date",
    "idempotency-expires",
    "idempotent-original-request-id",
    "location",
    "traceparent",
    "x-request-id",
];

/// What a terminal shows in a block: the command after `$ `, if there is one, and the output.
struct Shown {
    command: String,
    output: String,
}

fn shown() -> Vec<Shown> {
    let readme = read("README.md");
    let section = between(&readme, "<!-- quickstart:", "<!-- /quickstart -->");
    let blocks = section.split("```console\n").skip(1);
    let block = |block: &str| {
        let block = block.split("```").next().unwrap();
        let mut lines = block.lines().peekable();
        let mut command = String::new();
        while lines
            .peek()
            .is_some_and(|line| line.starts_with("$ ") || command.ends_with('\\'))
        {
            let line = lines.next().unwrap();
            command = command.trim_end_matches('\\').to_owned() + line.trim_start_matches("$ ");
        }
        let output = lines.map(|line| line.to_owned() + "\n").collect();
        Shown { command, output }
    };
    blocks.map(block).collect()
}

/// A response as text, without what differs from run to run.
fn stable(response: &str, id: &str) -> Vec<String> {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, _)) if CHANGING.contains(&name) => name.to_owned(),
        _ => line.trim_end().replace(id, "ID"),
    };
    response.lines().map(line).collect()
}

/// The id of the order in a response.
fn id(response: &str) -> &str {
    let (_, after) = response.split_once(r#"{"id":""#).unwrap();
    after.split('"').next().unwrap()
}

/// `orders serve` as the README starts it, on a free port.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut child = Process::command(&["serve"])
            .current_dir(folder)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        let port = url.trim().strip_prefix("http://localhost:");
        let port = port.and_then(|port| port.parse().ok());
        Self {
            child,
            port: port.unwrap_or_else(|| panic!("{url:?}")),
        }
    }

    /// Ends it, and returns its log.
    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &str, port: u16) -> String {
    let command = command.replace("localhost:3000", &format!("127.0.0.1:{port}"));
    let Output { status, stdout, .. } = Command::new("bash")
        .args(["-c", &command])
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(status.success(), "{command}");
    String::from_utf8(stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_minutes_are_as_the_readme_shows_them() {
    let shown = shown();
    let [serve, first, again, other] = &*shown else {
        panic!("{} blocks", shown.len());
    };
    assert_eq!(serve.command, "orders serve");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let port = server.port;

    let ask = |command: &str| tokio::task::block_in_place(|| run(command, port));
    let placed = ask(&first.command);
    let replayed = ask(&first.command);
    let changed = first.command.replace(r#""quantity":2"#, r#""quantity":3"#);
    assert_ne!(changed, first.command);
    let refused = ask(&changed);
    let order = id(&first.output);
    assert_eq!(stable(&placed, id(&placed)), stable(&first.output, order));
    assert_eq!(stable(&replayed, id(&placed)), stable(&again.output, order));
    assert_eq!(stable(&refused, order), stable(&other.output, order));

    assert!(folder.path().join("orders.db").exists());
    let log = server.stop();
    for line in serve
        .output
        .lines()
        .filter(|line| line.contains(" INFO ") || line.contains(" WARN "))
    {
        let (_, line) = line.split_once("Z ").unwrap();
        let line = line.replace("3000", &port.to_string());
        assert!(log.contains(line.trim()), "{line}: {log}");
    }
}
