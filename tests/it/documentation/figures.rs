//! Figures come from a report that has them; the README and the walk of a POST are short.

use super::{between, pages, read};

/// The numbers in a text: digits with their points, and spaces between thousands.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let runs = text.split(|c: char| !c.is_ascii_digit() && c != '.' && c != ' ');
    let runs = runs.map(|run| run.trim_matches([' ', '.']));
    runs.filter(|run| run.contains(|c: char| c.is_ascii_digit()))
}

#[test]
fn every_figure_of_a_benchmark_is_in_its_report() {
    let mut count = 0;
    for page in pages() {
        for rest in page.text.split("<!-- figures: ").skip(1) {
            let (file, rest) = rest.split_once(" -->").unwrap();
            let (text, _) = rest.split_once("<!-- /figures -->").unwrap();
            let report = read(file);
            for number in numbers(text) {
                assert!(
                    report.contains(number),
                    "{}: {file} has no {number}",
                    page.path
                );
                count += 1;
            }
        }
    }
    assert!(count >= 8, "{count}");
    assert!(numbers("1 000 of 2.5/s, p99.").eq(["1 000", "2.5", "99"]));
}

#[test]
fn the_readme_is_short_and_its_table_has_a_place() {
    let readme = read("README.md");
    let lines = readme.lines().count();
    assert!(lines <= 200, "README.md has {lines} lines");
    // bench/run --publish writes it.
    assert!(between(&readme, "<!-- bench -->", "<!-- /bench -->").starts_with("| "));
    // The sentence above it and the chart below are of the same run.
    let report = read("bench/README.md");
    let run = between(&report, "<!-- run -->", "<!-- /run -->");
    let (_, commit) = run.split_once(" orders ").unwrap();
    let commit = commit.split(',').next().unwrap();
    let chart = format!("bench/results/{}.svg", run.split(' ').next().unwrap());
    for named in [&format!("commit {commit};"), &chart] {
        assert!(readme.contains(named), "README.md does not name {named}");
    }
}

#[test]
fn the_walk_of_a_post_is_short() {
    let page = read("docs/protocol.md");
    let walk = between(&page, "<!-- walk -->", "<!-- /walk -->");
    let files: Vec<&str> = walk
        .lines()
        .filter_map(|line| line.split("](../").nth(1))
        .collect();
    assert!((5..=10).contains(&files.len()), "{files:?}");
}
