//! The commands that the pages show can be run: they parse, and what they name exists.

use clap::CommandFactory;
use orders::cli::Cli;

use super::{Page, pages, read, tests};

/// The commands of a page: after `$ ` in a terminal, every line of a script.
fn commands(page: &Page) -> Vec<String> {
    let mut commands = Vec::new();
    for block in page.blocks() {
        let joined = block.text.replace("\\\n", " ");
        for line in joined.lines() {
            match (block.language, line.strip_prefix("$ ")) {
                ("console", Some(command)) => commands.push(command.to_owned()),
                ("sh", _) => commands.push(line.to_owned()),
                _ => {}
            }
        }
    }
    commands
}

/// The words of a command, as a shell would split them; without comment, redirections, and
/// variables that are set for it. Each part of a list or pipeline is one.
fn parts(line: &str) -> Vec<Vec<String>> {
    let (mut parts, mut part) = (Vec::new(), Vec::new());
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (mut word, mut quote, mut end) = (String::new(), None, rest.len());
        for (at, c) in rest.char_indices() {
            match quote {
                Some(open) if c == open => quote = None,
                None if c == '\'' || c == '"' => quote = Some(c),
                None if c.is_whitespace() => {
                    end = at;
                    break;
                }
                _ => word.push(c),
            }
        }
        rest = rest[end..].trim_start();
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        });
        match &*word {
            "&&" | "|" | ";" | "&" => parts.push(std::mem::take(&mut part)),
            ">" | "2>" | ">>" => rest = "",
            _ if part.is_empty() && is_assignment => {}
            _ => part.push(word),
        }
    }
    parts.push(part);
    parts
}

/// The arguments after `--`, or all but the program.
fn after_dashes(part: &[String]) -> &[String] {
    let at = part.iter().position(|word| word == "--");
    at.map_or(&[], |at| &part[at + 1..])
}

fn assert_parses(arguments: &[String], page: &str) {
    let line = std::iter::once("orders".to_owned()).chain(arguments.iter().cloned());
    if let Err(error) = Cli::command().try_get_matches_from(line) {
        panic!("{page}: orders {arguments:?}: {error}");
    }
}

#[test]
fn every_command_can_be_run() {
    let tests = tests();
    let (mut parsed, mut filters) = (0, 0);
    for page in pages() {
        let name = &page.path;
        for part in commands(&page).iter().flat_map(|line| parts(line)) {
            let words: Vec<&str> = part.iter().map(String::as_str).collect();
            match *words {
                ["orders", ..] => {
                    assert_parses(&part[1..], name);
                    parsed += 1;
                }
                ["cargo", "run", ..] if !words.contains(&"--example") => {
                    assert_parses(after_dashes(&part), name);
                    parsed += 1;
                }
                ["cargo", "test", "--test", "it", ..] => {
                    for filter in after_dashes(&part)
                        .iter()
                        .filter(|word| !word.starts_with('-'))
                    {
                        let found = tests.iter().any(|test| test.contains(&**filter));
                        assert!(found, "{name}: no test contains {filter}");
                        filters += 1;
                    }
                }
                [script, ..] if script.starts_with("bench/") || script.starts_with("scripts/") => {
                    let text = read(script);
                    for flag in words.iter().filter(|word| word.starts_with("--")) {
                        assert!(text.contains(flag), "{name}: {script} has no {flag}");
                    }
                }
                _ => {}
            }
        }
    }
    assert!(parsed > 40 && filters > 3, "{parsed} {filters}");
}

#[test]
fn a_line_is_split_as_a_shell_would() {
    let split = parts("A=b orders hammer --spawn 'node x' >file && orders migrate up  # why");
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|word| (*word).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        split[0],
        words(&["orders", "hammer", "--spawn", "node x", ">file"])
    );
    assert_eq!(split[1], words(&["orders", "migrate", "up"]));
    assert_eq!(split.len(), 2);
}
