//! The rules of the house, checked line by line.

use std::path::{Path, PathBuf};

/// The modules of this crate that a module may name. `hammer` and `client` are foreign clients.
const MAY_NAME: &[(&str, &str)] = &[
    ("lib", ""),
    ("main", "cli"),
    (
        "cli",
        "http auth order idempotency db hammer client outbox redis kafka consumer chain telemetry",
    ),
    (
        "http",
        "auth order idempotency outbox db json chain telemetry",
    ),
    ("auth", "idempotency db chain"),
    ("order", "idempotency outbox db json"),
    ("idempotency", "db json failpoint chain telemetry"),
    ("outbox", "db kafka chain telemetry"),
    ("redis", "idempotency chain"),
    ("kafka", ""),
    (
        "consumer",
        "kafka order idempotency db json chain telemetry",
    ),
    ("json", ""),
    ("db", "failpoint chain telemetry"),
    ("failpoint", ""),
    ("chain", ""),
    ("telemetry", "chain"),
    ("hammer", ""),
    ("client", ""),
];

/// Words, where code must not contain them, exceptions, and the reason. Comments and unit tests
/// (`tests.rs` too) are not code.
#[rustfmt::skip]
const FORBIDDEN: &[[&str; 4]] = &[
    ["poem:: hyper::", "src", "src/http src/hammer", "http alone knows the framework"],
    ["DbBackend", "src", "src/db src/hammer", "only db asks which database it is"],
    ["rusqlite PgConnection sea_query_sqlx sea-query-sqlx", "src Cargo.toml", "", "SeaORM is the only driver"],
    ["\"..", "migration", "", "a migration depends on nothing of ours"],
    [".unwrap()", "src migration", "", "an expect says why it cannot fail"],
];

/// Words that no file may contain.
const UNFINISHED: [&str; 4] = ["TODO", "FIXME", "unimplemented!", "todo!"];

const LINES_MAX: usize = 400;

/// The lines of code: without comments, and without the unit tests at the end.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default())
}

/// What a line names at the root of the crate. In `crate::{…}` it is the empty name.
fn names<'a>(line: &'a str, root: &str) -> Vec<&'a str> {
    let name = |after: &'a str| {
        after
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
    };
    line.split(root).skip(1).filter_map(name).collect()
}

/// The path and text of every Rust file and manifest in these places.
fn files(places: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = places.split(' ').map(|place| root.join(place)).collect();
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") || path.ends_with("Cargo.toml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().display().to_string();
            files.push((path, text));
        }
    }
    files
}

#[test]
fn modules_name_only_what_is_below_them() {
    for (path, text) in files("src") {
        let module = path.split(['/', '.']).nth(1).unwrap();
        let rule = MAY_NAME.iter().find(|(name, _)| *name == module);
        let (_, below) = rule.unwrap_or_else(|| panic!("{module} is not in MAY_NAME"));
        let is_allowed = |name: &str| {
            let is_type = name.starts_with(char::is_uppercase);
            is_type || name == module || !name.is_empty() && below.split(' ').any(|b| b == name)
        };
        let depth = path.trim_end_matches("/mod.rs").split('/').count() - 1;
        let crate_name = if module == "main" {
            "orders::"
        } else {
            "crate::"
        };
        for line in code(&text) {
            for root in [crate_name, &"super::".repeat(depth)] {
                let wrong = names(line, root).into_iter().find(|name| !is_allowed(name));
                assert_eq!(wrong, None, "{module} may not name it: {path}: {line}");
            }
        }
    }
}

#[test]
fn no_code_contains_a_forbidden_word() {
    for [words, places, exceptions, why] in FORBIDDEN {
        for (path, text) in files(places) {
            let is_exception = path.ends_with("/tests.rs")
                || exceptions.split_whitespace().any(|e| path.starts_with(e));
            for line in code(&text) {
                let found = words.split(' ').any(|word| line.contains(word));
                assert!(!found || is_exception, "{why}: {path}: {line}");
            }
        }
    }
}

#[test]
fn files_are_short_finished_and_say_what_they_are_for() {
    for (path, text) in files("src migration tests") {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{path} has {lines} lines");
        let says = text.starts_with("//! ") || path.ends_with("Cargo.toml");
        assert!(says, "{path} does not begin with //!");
        let is_this = path == "tests/it/architecture.rs";
        let unfinished = UNFINISHED.iter().find(|word| text.contains(*word));
        assert!(is_this || unfinished.is_none(), "{path}: {unfinished:?}");
    }
}
