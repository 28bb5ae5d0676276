//! Help and manual pages: their width, examples, and sections.

use std::process::Command;

use crate::cli::usage::COMMANDS;
use crate::cli::{assert_fails, run};
use crate::harness::Process;

fn help(command: &[&str], flag: &str, columns: Option<&str>) -> String {
    let mut asked = Process::command(&[command, &[flag]].concat());
    asked.env_remove("COLUMNS");
    asked.envs(columns.map(|columns| ("COLUMNS", columns)));
    let (code, help, stderr) = run(&mut asked);
    assert_eq!((code, &*stderr), (0, ""), "{command:?}");
    help
}

#[test]
fn help_fits_the_terminal() {
    for &command in COMMANDS {
        for flag in ["--help", "-h"] {
            // Into a pipe, on a usual terminal, on a wide one, on a narrow one.
            for (columns, fits) in [
                (None, 80),
                (Some("80"), 80),
                (Some("200"), 80),
                (Some("60"), 60),
            ] {
                let help = help(command, flag, columns);
                let long = help.lines().find(|line| {
                    // Neither is broken by clap.
                    let is_kept = line.starts_with("Usage:") || line.trim().starts_with("kafka://");
                    line.chars().count() > if is_kept { 80 } else { fits }
                });
                assert_eq!(long, None, "{command:?} {flag} in {columns:?} columns");
            }
        }
    }
}

#[test]
fn help_teaches_with_examples_and_exit_statuses() {
    for &command in COMMANDS {
        let text = help(command, "--help", None);
        let (_, end) = text
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{command:?}: {text}"));
        let (examples, statuses) = end.split_once("\nExit status:\n").unwrap();
        let program = [&["orders"], command].concat().join(" ");
        assert!(examples.contains(&program), "{program}: {examples}");
        assert!(statuses.starts_with("  0 "), "{program}: {statuses}");
        let short = help(command, "-h", None);
        assert!(!short.contains("Examples:"), "{short}");
    }
}

#[test]
fn every_page_of_the_manual_is_a_file_with_its_sections() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("share/man1");
    let (code, stdout, stderr) = run(&mut Process::command(&["man", directory.to_str().unwrap()]));
    assert_eq!((code, &*stderr), (0, ""));
    let written: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        written.len(),
        std::fs::read_dir(&directory).unwrap().count()
    );
    for &command in COMMANDS {
        let name = [&["orders"], command].concat().join("-");
        let page = directory.join(format!("{name}.1"));
        assert!(
            written.contains(&page.to_str().unwrap()),
            "{name}: {stdout}"
        );
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        for section in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "ENVIRONMENT",
            "\"EXIT STATUS\"",
            "EXAMPLES",
            "\"SEE ALSO\"",
        ] {
            assert_eq!(
                page.matches(&format!(".SH {section}\n")).count(),
                1,
                "{name}: {section}"
            );
        }
        // No page cites one that was not written.
        for (cited, _) in page.match_indices("(1)") {
            let before = page[..cited].trim_end_matches("\\fR");
            let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && !"-\\".contains(c));
            let cited = before[start.map_or(0, |start| start + 1)..].replace('\\', "");
            let cited = cited.trim_start_matches("fI").trim_start_matches("fB");
            assert!(
                directory.join(format!("{cited}.1")).is_file(),
                "{name} cites {cited}"
            );
        }
    }
    let serve = std::fs::read_to_string(directory.join("orders-serve.1")).unwrap();
    for variable in [
        "DATABASE_URL",
        "PORT",
        "ORDERS_LANES",
        "OTEL_SERVICE_NAME",
        "NO_COLOR",
    ] {
        assert!(serve.contains(variable), "{variable}");
    }
    reads_without_warnings(&directory.join("orders-serve.1"));
}

/// Lets man(1) format a page, where it is installed.
fn reads_without_warnings(page: &std::path::Path) {
    let mut man = Command::new("man");
    man.args(["--warnings", "-E", "UTF-8", "--pager=cat", "-l"])
        .arg(page);
    let Ok(output) = man.env("MANWIDTH", "80").output() else {
        return;
    };
    let (text, warnings) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    assert_eq!(warnings, "");
    let text = String::from_utf8(text).unwrap();
    // Some images replace man by a script that says so.
    if output.status.success() && text.contains("orders-serve") {
        assert!(text.contains("orders serve --auth tokens"), "{text}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut command = Process::command(&["man", file.to_str().unwrap()]);
    assert_fails(&mut command, &["cannot write", "name a directory"]);
}
