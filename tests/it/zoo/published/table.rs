//! The table of the documentation: every design under many seeds.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use serde_json::Value;

use super::designs::{DESIGNS, Design};
use super::{Judged, judge, violated};

/// Judges every design whose name contains one of these parts under this many seeds, and writes the table.
pub(in crate::zoo) async fn table(seeds: u64, only: &str) -> String {
    let mut table = String::from(
        "| design | what it teaches | verdicts | what the hammer found | after requests | how to mend it |\n\
         |---|---|---|---|--:|---|\n",
    );
    let chosen = |design: &&Design| only.split(',').any(|part| design.name.contains(part));
    for design in DESIGNS.iter().filter(chosen) {
        let (mut verdicts, mut found) = (BTreeMap::new(), BTreeMap::new());
        let mut requests = Vec::new();
        for seed in 1..=seeds {
            let judged = judge(design, seed).await;
            let verdict = judged.report["verdict"]
                .as_str()
                .unwrap_or("none")
                .to_owned();
            let wanted = if design.wrong.is_some() {
                "violated"
            } else {
                "held"
            };
            if verdict != wanted {
                eprintln!("{} {seed}: {}", design.name, judged.said);
            }
            *verdicts.entry(verdict).or_insert(0) += 1;
            for name in violated(&judged) {
                *found.entry(name.to_owned()).or_insert(0) += 1;
            }
            requests.extend(first_evidence(&judged));
        }
        requests.sort_unstable();
        let median = requests
            .get(requests.len() / 2)
            .map_or("–".to_owned(), u64::to_string);
        let verdicts = verdicts
            .iter()
            .map(|(name, count)| format!("*{name}* {count} of {seeds}"));
        let found = found
            .iter()
            .map(|(name, count)| format!("`{name}` {count}"));
        let (name, teaches, mend) = (design.name, design.teaches, design.mend);
        let (verdicts, found): (Vec<_>, Vec<_>) = (verdicts.collect(), found.collect());
        let (verdicts, found) = (verdicts.join(", "), found.join(", "));
        writeln!(
            table,
            "| `{name}` | {teaches} | {verdicts} | {found} | {median} | {mend} |"
        )
        .unwrap();
    }
    table
}

/// The number of the first request that shows the violation: a server error, a second fresh
/// answer, or the first request of a key that is never answered.
fn first_evidence(judged: &Judged) -> Option<u64> {
    let mut keys: HashMap<u64, &str> = HashMap::new();
    let mut fresh: HashMap<&str, &Value> = HashMap::new();
    let mut evidence = Vec::new();
    for event in &judged.history {
        let Some(n) = event["n"].as_u64() else {
            continue;
        };
        if event["type"] == "invoke" && event["ask"] == "place" {
            keys.insert(n, event["key"].as_str().unwrap());
        }
        let (Some(key), Some(status)) = (keys.get(&n), event["answer"]["status"].as_u64()) else {
            continue;
        };
        let id = &event["answer"]["order"]["id"];
        let other = event["type"] == "ok" && *fresh.entry(key).or_insert(id) != id;
        if status >= 500 || other {
            evidence.push(n);
        }
    }
    let stuck = judged.report["violations"].as_array()?.iter();
    let stuck = stuck.filter(|one| one["invariant"] == "converges");
    for key in stuck.filter_map(|one| one["key"].as_str()) {
        evidence.extend(
            keys.iter()
                .filter(|(_, one)| **one == key)
                .map(|(n, _)| *n)
                .min(),
        );
    }
    evidence.into_iter().min()
}
