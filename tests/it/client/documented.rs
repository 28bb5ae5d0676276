//! The programs in docs/clients.md, run as they stand there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Lossy, Scripted, Step};
use crate::harness::{on_both, order};

/// A program of the page: its name, as its first lines say it, and what runs it.
const PROGRAMS: [(&str, &str); 3] = [
    ("place.sh", "bash"),
    ("place.mjs", "node"),
    ("place.py", "python3"),
];

/// Writes the program from the page to a file.
fn program(name: &str, folder: &Path) -> PathBuf {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/clients.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page
        .split("\n```")
        .filter_map(|block| block.split_once('\n'));
    let usage = format!("{name} URL KEY BODY");
    let (_, text) = blocks
        .into_iter()
        .find(|(_, text)| text.lines().take(2).any(|line| line.ends_with(&usage)))
        .unwrap_or_else(|| panic!("{name} is not on the page"));
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs a program to its end: exit status, stdout, stderr.
async fn run(
    (interpreter, program): (&str, &Path),
    arguments: [&str; 3],
    deadline: &str,
) -> (i32, String, String) {
    let mut command = Command::new(interpreter);
    command
        .arg(program)
        .args(arguments)
        .env("DEADLINE", deadline)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output {
        status,
        stdout,
        stderr,
    } = output.await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

on_both! {
    async fn programs_place_every_order_once_behind_a_lossy_proxy(app: &App) {
        let folder = tempfile::tempdir().unwrap();
        let lossy = Lossy::start(&app.client).await;
        for (name, interpreter) in PROGRAMS {
            let path = program(name, folder.path());
            let program = (interpreter, &*path);
            for number in 0..6 {
                let (key, body) = (format!("{name}-{number}"), order(name, number + 1));
                let (code, placed, stderr) = run(program, [&lossy.url(), &key, &body], "60").await;
                assert_eq!((code, &*stderr), (0, ""), "{name}");
                let stored = app.client.place(&key, body).await.expect(200).text();
                assert_eq!(placed.trim(), stored, "{name}");
            }
            let body = order(name, 100);
            let reused = run(program, [&lossy.url(), &format!("{name}-0"), &body], "60").await;
            assert_eq!((reused.0, &*reused.1), (1, ""), "{name}");
            assert!(reused.2.contains("IDEMPOTENCY_KEY_REUSED"), "{name}: {}", reused.2);
        }
        assert_eq!(app.database.orders().await, 18);
        assert!(lossy.lost() >= 9);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_follow_the_table_of_answers() {
    let folder = tempfile::tempdir().unwrap();
    let date = || httpdate::fmt_http_date(std::time::SystemTime::now());
    let later = || {
        vec![
            Step::error(503, "UNAVAILABLE").with("retry-after", "1"),
            Step::error(409, "IDEMPOTENCY_KEY_IN_USE").with("retry-after", date()),
            Step::error(429, "TOO_MANY_REQUESTS"),
            Step::Lose,
            Step::order(200),
        ]
    };
    let error = |status| Step::error(status, "NO");
    for (name, interpreter) in PROGRAMS {
        let path = program(name, folder.path());
        for (steps, deadline, code) in [
            (later(), "60", 0),
            (vec![error(400)], "60", 1),
            (vec![error(409)], "60", 1),
            (vec![error(401)], "60", 1),
            (vec![Step::Lose, error(400)], "60", 1),
            (vec![Step::Lose, error(401)], "60", 2),
            (vec![error(503).with("retry-after", "3600")], "60", 2),
            (vec![Step::Lose], "1", 2),
        ] {
            let attempts = steps.len();
            let server = Scripted::start(steps).await;
            let arguments = [&*server.url(), "the-key", "{}"];
            let ended = run((interpreter, &path), arguments, deadline).await;
            assert_eq!(ended.0, code, "{name}: {ended:?}");
            assert_eq!(ended.1.is_empty(), code != 0, "{name}: {ended:?}");
            let asked = server.asked();
            assert!(
                deadline == "1" || asked.len() == attempts,
                "{name}: {asked:?}"
            );
            assert!(server.keys().iter().all(|key| key == "the-key"));
        }
    }
}
