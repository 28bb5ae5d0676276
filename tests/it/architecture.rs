//! The shape of the house: which module may name which, how long a file may be, and what may not
//! be in one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What each module may name of the others. A module that is not here may be named by nobody and
/// has no place yet.
const MAY_NAME: [(&str, &[&str]); 9] = [
    ("lib", &[]),
    ("main", &["cli"]),
    (
        "cli",
        &["http", "order", "idempotency", "outbox", "db", "hammer"],
    ),
    ("http", &["order", "idempotency", "outbox", "db"]),
    // An order is placed by an operation, and an operation writes events.
    ("order", &["idempotency", "outbox", "db"]),
    ("idempotency", &["outbox", "db", "failpoint"]),
    ("outbox", &["db"]),
    ("db", &["failpoint"]),
    ("failpoint", &[]),
];

/// A foreign client: it imports nothing of this crate.
const FOREIGN: &str = "hammer";

/// The most lines of a file.
const LINES_MAX: usize = 400;

/// One source file.
struct Source {
    /// From the root of the repository.
    path: String,
    text: String,
}

impl Source {
    /// The text that is compiled into the program: without tests at the end and without comments.
    fn program(&self) -> String {
        let text = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default());
        code.collect::<Vec<_>>().join("\n")
    }

    /// How many `super::` lead out of all modules.
    fn depth(&self) -> usize {
        self.path.trim_end_matches("/mod.rs").split('/').count() - 1
    }

    /// The module below `src` that the file belongs to.
    fn module(&self) -> &str {
        let below = self.path.trim_start_matches("src/");
        below.split(['/', '.']).next().unwrap()
    }
}

/// Every Rust file below the folders.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut sources = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            waiting.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            sources.push(Source {
                path: relative,
                text,
            });
        }
    }
    assert!(!sources.is_empty());
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Fails with every offence, not only the first.
#[track_caller]
fn assert_none(rule: &str, offences: impl IntoIterator<Item = String>) {
    let list = offences
        .into_iter()
        .fold(String::new(), |mut list, offence| {
            let _ = write!(list, "\n  {offence}");
            list
        });
    assert!(list.is_empty(), "{rule}:{list}");
}

/// The modules of this crate that a text names: `crate::a`, `crate::{a, b::c}`, `orders::a`, and
/// `super::a` as often as it takes to get out of a module.
fn named(code: &str, depth: usize) -> Vec<String> {
    let code: String = code.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut names = Vec::new();
    for root in ["crate::", "orders::", &"super::".repeat(depth)] {
        for path in paths(&code, root) {
            names.extend(match path.strip_prefix('{') {
                Some(list) => first_level(list),
                None => vec![word(path)],
            });
        }
    }
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    names.sort();
    names.dedup();
    names
}

/// What follows a root of paths, wherever it is one: not the end of a longer word or path, such as
/// `super::orders::`, and not in a string.
fn paths<'a>(code: &'a str, root: &'a str) -> impl Iterator<Item = &'a str> {
    let begins = |at: &usize| {
        let before = code[..*at].chars().next_back().unwrap_or(' ');
        !(before.is_alphanumeric() || "_:\"".contains(before))
    };
    let found = code.match_indices(root).map(|(at, _)| at).filter(begins);
    found.map(move |at| &code[at + root.len()..])
}

/// The first word of every item of a list in braces.
fn first_level(list: &str) -> Vec<String> {
    let (mut depth, mut words, mut begins) = (0, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            c if begins && !c.is_whitespace() => {
                words.push(word(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> String {
    let word = text.trim_start().chars();
    word.take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn names_are_found_however_they_are_imported() {
    for (code, expected) in [
        ("use crate::db::{Cell, Kind};", &["db"][..]),
        (
            "use crate::{db::{self, Cell}, idempotency};",
            &["db", "idempotency"],
        ),
        (
            "use crate::{\n    http,\n    order::{Order, read},\n};",
            &["http", "order"],
        ),
        (
            "fn f(d: &crate::db::Database) -> orders::order::Order",
            &["db", "order"],
        ),
        (
            "use crate::Thing; use super::orders::OrdersApi; mycrate::db",
            &[],
        ),
    ] {
        assert_eq!(named(code, 2), expected, "{code}");
    }
}

#[test]
fn modules_name_only_what_is_below_them() {
    let offences = sources(&["src"]).into_iter().flat_map(|source| {
        let module = source.module().to_owned();
        let allowed = MAY_NAME.iter().find(|(name, _)| *name == module);
        let allowed: Option<&[&str]> = match allowed {
            Some((_, allowed)) => Some(allowed),
            None => (module == FOREIGN).then_some(&[]),
        };
        named(&source.program(), source.depth())
            .into_iter()
            .filter_map(move |name| {
                let fine = name == module || allowed.is_some_and(|list| list.contains(&&*name));
                (!fine).then(|| format!("{} names {name}", source.path))
            })
    });
    assert_none("a module may not name what is above or beside it", offences);
}

#[test]
fn every_module_has_a_place() {
    let offences = sources(&["src"]).into_iter().filter_map(|source| {
        let module = source.module();
        let placed = module == FOREIGN || MAY_NAME.iter().any(|(name, _)| *name == module);
        (!placed).then(|| format!("{module} ({})", source.path))
    });
    assert_none("no rule says what these modules may name", offences);
}

#[test]
fn only_http_knows_the_framework() {
    let frameworks = ["poem", "hyper"];
    let offences = sources(&["src"]).into_iter().filter_map(|source| {
        let code = source.program();
        let has = |name: &&&str| code.contains(&format!("{name}::"));
        let framework = frameworks.iter().find(has)?;
        let foreign = [FOREIGN, "http"].contains(&source.module());
        (!foreign).then(|| format!("{} names {framework}", source.path))
    });
    assert_none("statuses and headers belong to http", offences);
}

#[test]
fn migrations_stand_alone() {
    let offences = sources(&["migration"]).into_iter().filter_map(|source| {
        let ours = paths(&source.program(), "orders::").next().is_some();
        ours.then_some(source.path)
    });
    assert_none(
        "a migration means the same in a year: it imports nothing of ours",
        offences,
    );
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("migration/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let ours = manifest
        .lines()
        .filter(|line| line.starts_with("orders") || line.contains("path"));
    assert_none("nor depends on it", ours.map(str::to_owned));
}

#[test]
fn no_file_is_too_long_to_read() {
    let offences = sources(&["src", "migration", "tests"])
        .into_iter()
        .filter_map(|source| {
            let lines = source.text.lines().count();
            (lines > LINES_MAX).then(|| format!("{} has {lines} lines", source.path))
        });
    assert_none(&format!("{LINES_MAX} lines are the limit"), offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let offences = sources(&["src", "migration", "tests"])
        .into_iter()
        .filter_map(|source| {
            let silent = !source.text.starts_with("//! ");
            silent.then_some(source.path)
        });
    assert_none("a file begins with //!", offences);
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, or this file would be the first offender.
    let later = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["unimple", "mented!"],
        ["to", "do!"],
    ];
    let later = later.map(|parts| parts.concat());
    let offences = sources(&["src", "migration", "tests"])
        .into_iter()
        .filter_map(|source| {
            let found = later.iter().find(|word| source.text.contains(*word))?;
            Some(format!("{}: {found}", source.path))
        });
    assert_none("finish it, or file an issue", offences);
}

#[test]
fn the_program_does_not_unwrap() {
    let unwrap = [".unwrap", "()"].concat();
    let offences = sources(&["src", "migration"])
        .into_iter()
        .filter_map(|source| {
            let unwraps = source.program().contains(&unwrap);
            unwraps.then_some(source.path)
        });
    assert_none("an expect says why it cannot fail", offences);
}
