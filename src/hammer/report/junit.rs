//! `junit.xml`: a suite for each scenario, with a test case for each invariant.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::hammer::judge::{Judgement, KeyCounts, Scope, Verdict};
use crate::hammer::words::counted;

/// Renders the report.
pub(super) fn render(judgement: &Judgement) -> String {
    let mut report = Report::new("orders hammer");
    let mut scopes: BTreeMap<Scope, Vec<(&str, KeyCounts)>> = BTreeMap::new();
    for ((invariant, scope), counts) in &judgement.grid {
        scopes.entry(*scope).or_default().push((invariant, *counts));
    }
    for (scope, invariants) in scopes {
        let mut suite = TestSuite::new(scope.name());
        for (invariant, counts) in invariants {
            suite.add_test_case(case(judgement, scope, invariant, counts));
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
    suite.add_test_case(TestCase::new("enough was observed", status));
    report.add_test_suite(suite);
    report.to_string().expect("writing to a String cannot fail")
}

fn case(judgement: &Judgement, scope: Scope, invariant: &str, counts: KeyCounts) -> TestCase {
    if counts.violated == 0 {
        return TestCase::new(invariant, TestCaseStatus::success());
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let example = judgement
        .violations
        .iter()
        .find(|violation| violation.invariant == invariant && violation.scope == scope);
    let example = example.map_or(String::new(), |violation| {
        format!(", such as {}: {}", violation.key, violation.seen)
    });
    status.set_message(format!(
        "{}{example}",
        counted(counts.violated, "key", "keys")
    ));
    TestCase::new(invariant, status)
}
