//! Progress bars on a narrow terminal.

use std::num::NonZero;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::zoo::{ZooServer, named};

const COLUMNS: u16 = 60;
const ROWS: u16 = 200;

/// When Ctrl-C is pressed, and what it does.
#[derive(Clone, Copy, PartialEq)]
enum Press {
    Never,
    /// Interrupts the run.
    At(Duration),
    /// Is only echoed.
    WithoutSignal(Duration),
}

/// Runs the hammer on a terminal of 60 columns; returns the lines of the terminal at the end.
async fn lines(arguments: &str, press: Press) -> Vec<String> {
    let (signals, after) = match press {
        Press::Never => ("isig", None),
        Press::At(after) => ("isig", Some(after)),
        Press::WithoutSignal(after) => ("-isig", Some(after)),
    };
    let folder = tempfile::tempdir().unwrap();
    let hammer = env!("CARGO_BIN_EXE_orders");
    let command =
        format!("stty cols {COLUMNS} rows {ROWS} {signals}; exec '{hammer}' hammer {arguments}");
    let mut script = Command::new("script")
        // A pipe is no terminal, so `script` would turn off the echo of ^C, which pushes the bar.
        .args([
            "--echo",
            "always",
            "--quiet",
            "--command",
            &command,
            "typescript",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("script(1) is part of util-linux");
    let mut keyboard = script.stdin.take().unwrap();
    let pressed = tokio::spawn(async move {
        if let Some(after) = after {
            tokio::time::sleep(after).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut keyboard, b"\x03").await;
        }
        // The terminal stays open until the run is over.
        tokio::time::sleep(Duration::from_mins(2)).await;
        drop(keyboard);
    });
    let output = script.wait_with_output().await.unwrap();
    pressed.abort();
    let size = |number| NonZero::new(number).unwrap();
    let mut terminal = vt100::Parser::new(size(ROWS), size(COLUMNS), 0);
    terminal.process(&output.stdout);
    terminal.screen().rows(0, COLUMNS).collect()
}

/// The bars with their counts.
fn bars(lines: &[String]) -> Vec<(&str, u64, u64)> {
    let bars = lines
        .iter()
        .filter(|line| line.contains('━') || line.contains('─'));
    bars.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let counts = words.iter().find_map(|word| {
            let (done, all) = word.split_once('/')?;
            Some((done.parse().ok()?, all.parse().ok()?))
        });
        let (done, all) = counts.unwrap_or_else(|| panic!("{lines:#?}"));
        (words[0], done, all)
    })
    .collect()
}

#[tokio::test]
async fn every_bar_is_one_line_and_ends_full() {
    let server = ZooServer::open(named("wait-and-replay"));
    let url = &server.urls()[0];
    let arguments = format!("--quick --url {url} --scenario mismatch --scenario pair");
    let lines = lines(&arguments, Press::Never).await;
    let bars = bars(&lines);
    let names: Vec<&str> = bars.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        names,
        ["contract", "pair", "mismatch", "retry"],
        "{lines:#?}"
    );
    for (name, done, all) in bars {
        assert!(
            done == all && done > 0,
            "{name}: {done}/{all} in {lines:#?}"
        );
    }
    let said = lines.concat();
    assert!(
        !said.contains(" 1 cases") && !said.contains(" 1 keys"),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn the_echo_of_ctrl_c_pushes_no_bar() {
    let server = ZooServer::open(named("slow"));
    let arguments = format!("--quick --url {} --scenario pair", server.urls()[0]);
    // The run goes on, so the bar is surely drawn after the echo.
    let lines = lines(&arguments, Press::WithoutSignal(Duration::from_millis(700))).await;
    let names: Vec<&str> = bars(&lines).iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, ["contract,", "retry"], "{lines:#?}");
}

#[tokio::test]
async fn ctrl_c_leaves_no_second_bar() {
    let server = ZooServer::open(named("slow"));
    let url = &server.urls()[0];
    let lines = lines(
        &format!("--url {url} --scenario pair"),
        Press::At(Duration::from_secs(4)),
    )
    .await;
    let bars = bars(&lines);
    let names: Vec<&str> = bars.iter().map(|(name, ..)| *name).collect();
    let mut distinct = names.clone();
    distinct.dedup();
    assert_eq!(names, distinct, "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("interrupted")),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("UNKNOWN")),
        "{lines:#?}"
    );
}
