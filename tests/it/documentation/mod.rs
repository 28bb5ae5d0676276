//! The README and the pages under `docs/` name only what exists, and show what really happens.

mod commands;
mod configuration;
mod figures;
mod names;
mod payments;
mod quickstart;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A page of the documentation.
struct Page {
    /// Relative to the root of the project.
    path: String,
    text: String,
}

/// A fenced block of a page.
struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page that a reader of the project meets.
fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "SECURITY.md"]
        .map(PathBuf::from)
        .into();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = Path::new("docs").join(entry.unwrap().file_name());
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    assert!(paths.len() > 12, "{paths:?}");
    let page = |path: PathBuf| Page {
        text: read(&path),
        path: path.display().to_string(),
    };
    paths.into_iter().map(page).collect()
}

impl Page {
    fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let fenced = self.text.split("\n```").skip(1).step_by(2);
        fenced.map(|block| {
            let (language, text) = block.split_once('\n').unwrap_or((block, ""));
            Block { language, text }
        })
    }

    /// The code spans outside of fenced blocks.
    fn spans(&self) -> impl Iterator<Item = &str> {
        let prose = self.text.split("\n```").step_by(2);
        prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
    }
}

/// The text between two comments of a page.
#[track_caller]
fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, after) = page.split_once(begin).unwrap_or_else(|| panic!("{begin}"));
    let (_, after) = after.split_once('\n').unwrap();
    after.split_once(end).unwrap_or_else(|| panic!("{end}")).0
}

/// The names of all tests of this program.
fn tests() -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let listed = Command::new(program)
        .args(["--list", "--format", "terse"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 300, "{names:?}");
    names
}
