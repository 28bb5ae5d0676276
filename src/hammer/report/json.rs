//! `report.json`, whose schema is published in `docs/report.schema.json`.

use serde_json::{Value, json};

use crate::hammer::judge::{Judgement, Violation, invariants};

/// The names of the latency classes, in the order of the judgement.
pub(super) const CLASSES: [&str; 4] = ["fresh", "replayed", "refused", "unknown"];

/// The whole report.
pub(super) fn render(judgement: &Judgement) -> String {
    let header = &judgement.header;
    let value = json!({
        "version": 1,
        "verdict": judgement.verdict(),
        "interrupted": judgement.interrupted,
        "seed": header.seed,
        "run": header.run,
        "profile": header.profile,
        "strict": header.strict,
        "targets": header.targets,
        "repeat": header.repeat,
        "started_unix_ms": header.started_unix_ms,
        "duration_ms": judgement.ended / 1_000_000,
        "requests": judgement.requests,
        "keys": judgement.keys,
        "contended_keys": judgement.contended,
        "violation_rate_below": rate(judgement),
        "violations_total": judgement.violated,
        "violations": judgement.violations.iter().map(finding).collect::<Vec<_>>(),
        "doubts": judgement.all_inconclusive_reasons(),
        "choices": judgement.dialect.as_ref().map(crate::hammer::judge::Dialect::choices).unwrap_or_default(),
        "notes": judgement.notes.iter().map(finding).collect::<Vec<_>>(),
        "coverage": judgement.coverage.rows(header).into_iter()
            .map(|(row, count)| json!({"seen": row, "count": count})).collect::<Vec<_>>(),
        "invariants": invariants().map(|one| invariant(judgement, one.name, one.meaning)).collect::<Vec<_>>(),
        "outcomes": judgement.outcomes,
        "faults": judgement.faults.iter().map(|(name, (tried, landed))| json!({
            "fault": name, "tried": tried, "landed": landed,
        })).collect::<Vec<_>>(),
        "races": judgement.races,
        "latency_ms": latency(judgement),
    });
    format!("{value:#}\n")
}

fn finding(found: &Violation) -> Value {
    json!({
        "invariant": found.invariant,
        "scenario": found.scenario,
        "key": found.key,
        "seen": found.seen,
    })
}

/// The rule of three: an upper bound of the rate of violations, at 95 %.
#[expect(clippy::cast_precision_loss, reason = "a bound of two digits")]
fn rate(judgement: &Judgement) -> Value {
    if judgement.violated > 0 || judgement.contended == 0 {
        Value::Null
    } else {
        json!((3.0 / judgement.contended as f64).min(1.0))
    }
}

fn invariant(judgement: &Judgement, name: &str, meaning: &str) -> Value {
    let cells = judgement.grid.iter().filter(|((one, _), _)| *one == name);
    let scenarios: serde_json::Map<String, Value> = cells
        .map(|((_, scenario), cell)| {
            let counts = json!({
                "held": cell.held, "broken": cell.broken, "otherwise": cell.otherwise,
            });
            (scenario.clone(), counts)
        })
        .collect();
    json!({ "name": name, "meaning": meaning, "scenarios": scenarios })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds, shown in milliseconds"
)]
fn latency(judgement: &Judgement) -> Value {
    let millis = |micros: u64| micros as f64 / 1000.0;
    let classes = CLASSES.iter().zip(&judgement.latency);
    let one = classes
        .filter(|(_, seen)| !seen.is_empty())
        .map(|(name, seen)| {
            let quantile = |at| millis(seen.value_at_quantile(at));
            let value = json!({
                "count": seen.len(),
                "p50": quantile(0.5),
                "p90": quantile(0.9),
                "p99": quantile(0.99),
                "max": millis(seen.max()),
            });
            ((*name).to_owned(), value)
        });
    Value::Object(one.collect())
}
