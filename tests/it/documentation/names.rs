//! Links, paths, flags, variables, metrics, alerts and tests.

use std::path::{Component, Path, PathBuf};

use orders::telemetry::{Kind, TABLE};

use super::{pages, read, root, tests};
use crate::deployment::{settings, words};

/// The folders of the project: a word that begins with one is a path.
const FOLDERS: [&str; 10] = [
    ".ci/",
    "bench/",
    "deploy/",
    "docs/",
    "examples/",
    "migration/",
    "openapi/",
    "scripts/",
    "src/",
    "tests/",
];

/// Flags of other programs.
const FOREIGN_FLAGS: [&str; 11] = [
    // cargo
    "--exact",
    "--features",
    "--ignored",
    "--locked",
    "--no-default-features",
    "--open",
    "--path",
    "--profile",
    "--release",
    // pg_restore, unshare
    "--clean",
    "--mount",
];

/// What is called like a metric and is an index.
const INDEX: &str = "orders_of_tenants";

/// A path without `.` and `..`, where there is no file yet.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(normal.pop(), "{}", path.display()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

/// The anchors of a page, as GitHub makes them from its headings.
fn anchors(page: &str) -> Vec<String> {
    let prose = page.split("\n```").step_by(2);
    let headings = prose
        .flat_map(str::lines)
        .filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    for page in pages() {
        let folder = Path::new(&page.path).parent().unwrap();
        let links = page.text.split("](").skip(1);
        let sources = page.text.split(" src=\"").skip(1);
        let links = links
            .filter_map(|rest| rest.split(')').next())
            .chain(sources.filter_map(|rest| rest.split('"').next()));
        for link in links.filter(|link| !link.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = if file.is_empty() {
                PathBuf::from(&page.path)
            } else {
                normal(&folder.join(file))
            };
            assert!(root().join(&path).exists(), "{}: {link}", page.path);
            if !anchor.is_empty() {
                let found = anchors(&read(&path)).iter().any(|known| known == anchor);
                assert!(found, "{}: {link}", page.path);
            }
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_path_exists() {
    let mut count = 0;
    for page in pages() {
        let is_between = |c: char| c.is_whitespace() || "`()\"'|,".contains(c);
        for word in page.text.split(is_between) {
            let path = word
                .trim_start_matches("../")
                .trim_end_matches(['.', ':', ';', '/']);
            let path = path.split('#').next().unwrap();
            if FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.contains('…') {
                assert!(root().join(path).exists(), "{}: {word}", page.path);
                count += 1;
            }
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_flag_and_variable_exists() {
    let (variables, flags) = settings();
    let scripts = ["bench/run", "bench/growth", "bench/sweep", "scripts/chaos"].map(read);
    let exists = |flag: &str| {
        flags.contains(flag)
            || FOREIGN_FLAGS.contains(&flag)
            || scripts
                .iter()
                .any(|script| words(script, "--").any(|known| known == flag))
    };
    let (mut named, mut set, mut unknown) = (0, 0, Vec::new());
    for page in pages() {
        for flag in page.spans().flat_map(|span| words(span, "--")) {
            named += 1;
            if !exists(flag) {
                unknown.push(format!("{}: {flag}", page.path));
            }
        }
        for name in words(&page.text, "ORDERS_") {
            set += 1;
            if !variables.contains(name) {
                unknown.push(format!("{}: {name}", page.path));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
    assert!(named > 150 && set > 60, "{named} {set}");
}

#[test]
fn every_metric_exists() {
    let exists = |word: &str| {
        TABLE.iter().any(|row| match row.kind {
            _ if word == row.name || (word.ends_with('_') && row.name.starts_with(word)) => true,
            Kind::Histogram(_) => word
                .strip_prefix(row.name)
                .is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix)),
            _ => false,
        })
    };
    for page in pages() {
        for word in words(&page.text, "orders_").filter(|word| *word != INDEX) {
            assert!(exists(word), "{}: there is no metric {word}", page.path);
        }
    }
}

#[test]
fn every_alert_is_in_the_short_form_for_operators() {
    let (rules, page) = (read("deploy/alerts.yaml"), read("docs/operators.md"));
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert!(alerts.len() >= 10);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        let row = format!("| [{name}](observability.md#{})", name.to_lowercase());
        assert!(
            page.contains(&row),
            "docs/operators.md has no row for {name}"
        );
    }
}

/// Whether a name of the documentation is that of a test, or of the module of one. A page on one
/// module leaves out what is before it; `…` stands for the rest of a name.
fn names_a_test(name: &str, tests: &[String]) -> bool {
    let name = name.trim_end_matches('…');
    tests
        .iter()
        .any(|test| test.starts_with(name) || test.contains(&format!("::{name}")))
}

/// Whether a name is that of something that a module of the library exports, such as
/// `outbox::insert`.
fn is_exported(name: &str) -> bool {
    let (module, name) = name.split_once("::").unwrap();
    let module = root().join("src").join(module).join("mod.rs");
    let text = std::fs::read_to_string(module).unwrap_or_default();
    let mut exports = text.split("pub use ").skip(1);
    exports.any(|names| {
        let names = names.split(';').next().unwrap();
        names
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|one| one == name)
    })
}

#[test]
fn every_test_exists() {
    let tests = tests();
    let (mut count, mut unknown) = (0, Vec::new());
    for page in pages() {
        let is_test = |span: &&str| {
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:…".contains(c);
            span.contains("::") && !span.starts_with("orders::") && span.chars().all(is_name)
        };
        for span in page.spans().filter(is_test) {
            count += 1;
            if !names_a_test(span, &tests) && !is_exported(span) {
                unknown.push(format!("{}: {span}", page.path));
            }
        }
    }
    assert_eq!(unknown, Vec::<String>::new());
    assert!(count > 80, "{count}");
}
