//! What a command shows while it takes longer than a second.

use std::process::{Command, Stdio};

use crate::harness::Process;
use crate::zoo::{ZooServer, named};

const COLUMNS: usize = 60;

#[tokio::test]
async fn a_slow_command_shows_its_progress_on_a_terminal() {
    let server = ZooServer::open(named("wait-and-replay"));
    let arguments = format!(
        "hammer --load --connections 1 --duration 2s --warmup 100ms --url {}",
        server.urls()[0]
    );
    let line = format!(
        "stty cols {COLUMNS} rows 40; exec '{}' {arguments}",
        env!("CARGO_BIN_EXE_orders")
    );
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(Stdio::piped());
    let ran = tokio::task::spawn_blocking(move || Process::output(&mut command));
    let shown = String::from_utf8(ran.await.unwrap().stdout).unwrap();
    // What was drawn before is erased by control characters.
    let mut drawn = shown
        .split(['\r', '\n', '\u{1b}'])
        .map(|text| text.trim_start_matches("[2K"));
    let progress = drawn.find(|text| text.contains("measuring: "));
    let progress = progress.unwrap_or_else(|| panic!("{shown:?}"));
    assert!(progress.chars().count() <= COLUMNS, "{progress:?}");
    let mut terminal = vt100::Parser::new(
        std::num::NonZero::new(40).unwrap(),
        std::num::NonZero::new(60).unwrap(),
        0,
    );
    terminal.process(shown.as_bytes());
    let left = terminal.screen().contents();
    assert!(
        !left.contains("measuring"),
        "the line was not cleared: {left}"
    );

    let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
    let piped = tokio::task::spawn_blocking(move || {
        Process::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let piped = piped.await.unwrap();
    assert_eq!(
        String::from_utf8(piped.stderr).unwrap(),
        "",
        "a pipe shows no spinner"
    );
}
