//! `junit.xml`: a suite for each scenario, a test case for each invariant.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::hammer::judge::{Cell, Judgement, Verdict};

/// The whole report.
pub(super) fn render(judgement: &Judgement) -> String {
    let mut report = Report::new("orders hammer");
    let mut scenarios: BTreeMap<&str, Vec<(&str, Cell)>> = BTreeMap::new();
    for ((invariant, scenario), cell) in &judgement.grid {
        scenarios
            .entry(scenario)
            .or_default()
            .push((invariant, *cell));
    }
    for (scenario, cells) in scenarios {
        let mut suite = TestSuite::new(scenario);
        for (invariant, cell) in cells {
            suite.add_test_case(case(judgement, scenario, invariant, cell));
        }
        report.add_test_suite(suite);
    }
    let mut suite = TestSuite::new("verdict");
    let status = match judgement.verdict() {
        Verdict::Unknown => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(judgement.all_inconclusive_reasons().join("; "));
            status
        }
        Verdict::Held | Verdict::Violated => TestCaseStatus::success(),
    };
    suite.add_test_case(TestCase::new("enough was seen", status));
    report.add_test_suite(suite);
    report.to_string().expect("XML of names and numbers")
}

fn case(judgement: &Judgement, scenario: &str, invariant: &str, cell: Cell) -> TestCase {
    if cell.broken == 0 {
        return TestCase::new(invariant, TestCaseStatus::success());
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let example = judgement
        .violations
        .iter()
        .find(|one| one.invariant == invariant && one.scenario == scenario);
    let example = example.map_or(String::new(), |one| {
        format!(", such as {}: {}", one.key, one.seen)
    });
    status.set_message(format!("{} keys{example}", cell.broken));
    TestCase::new(invariant, status)
}
