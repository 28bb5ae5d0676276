//! The dashboard and the alerts in `deploy/` parse, and name only metrics that exist.

use orders::telemetry::{HttpOperation, Kind, RequestOutcome, TABLE};
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../deploy/grafana.json");
const ALERTS: &str = include_str!("../../../deploy/alerts.yaml");
const ALERT_TESTS: &str = include_str!("../../deployment/alerts.yaml");
const DOCUMENTATION: &str = include_str!("../../../docs/observability.md");

/// The strings under a name, anywhere in a document.
fn strings<'a>(document: &'a Value, name: &str, found: &mut Vec<&'a str>) {
    match document {
        Value::Object(members) => {
            for (member, value) in members {
                if member == name
                    && let Some(text) = value.as_str()
                {
                    found.push(text);
                }
                strings(value, name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, name, found)),
        _ => {}
    }
}

/// The metrics and label values of an expression exist.
fn assert_exists(expression: &str) {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let words = expression
        .split(|c| !is_name(c))
        .filter(|word| word.starts_with("orders_"));
    let mut count = 0;
    for word in words {
        let exists = TABLE.iter().any(|row| match row.kind {
            Kind::Histogram(_) => word
                .strip_prefix(row.name)
                .is_some_and(|suffix| ["_bucket", "_sum", "_count"].contains(&suffix)),
            _ => word == row.name,
        });
        assert!(exists, "there is no metric {word}: {expression}");
        count += 1;
    }
    assert!(count > 0, "no metric: {expression}");
    let outcomes = RequestOutcome::ALL.iter().map(|outcome| outcome.name());
    let operations = HttpOperation::ALL.iter().map(|operation| operation.name());
    for (label, known) in [
        ("outcome=", outcomes.collect::<Vec<_>>()),
        ("operation=", operations.collect()),
    ] {
        for value in expression.split(label).skip(1) {
            let value = value.trim_start_matches('~').split('"').nth(1).unwrap();
            for one in value.split('|').filter(|one| !one.contains(".*")) {
                assert!(
                    known.contains(&one),
                    "there is no {label}{one}: {expression}"
                );
            }
        }
    }
}

#[test]
fn the_dashboard_shows_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    assert!(expressions.len() >= 10, "{expressions:?}");
    expressions.into_iter().for_each(assert_exists);
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels {
        assert!(
            panel["title"].is_string() && panel["description"].is_string(),
            "{panel}"
        );
    }
    let all = DASHBOARD.to_owned() + ALERTS;
    for row in TABLE {
        assert!(all.contains(row.name), "nothing shows {}", row.name);
    }
}

#[test]
fn the_alerts_watch_metrics_that_exist_and_are_documented() {
    let alerts: Value = serde_yaml_ng::from_str(ALERTS).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 5);
    for rule in rules {
        assert_exists(rule["expr"].as_str().unwrap());
        let name = rule["alert"].as_str().unwrap();
        assert!(rule["labels"]["severity"].is_string(), "{name}");
        assert!(rule["annotations"]["summary"].is_string(), "{name}");
        let url = rule["annotations"]["runbook"].as_str().unwrap();
        let anchor = name.to_lowercase();
        assert_eq!(url, format!("docs/observability.md#{anchor}"));
        assert!(
            DOCUMENTATION.contains(&format!("### {name}\n")),
            "{name} is not documented"
        );
        // promtool runs them: tests/deployment/lint.
        let tests = ALERT_TESTS.matches(&format!("alertname: {name}\n")).count();
        assert_eq!(tests, 2, "{name} is not tested to fire, and not to fire");
    }
}
