//! `report.json`, whose schema is published in `docs/report.schema.json`.

use serde_json::{Map, Value, json};

use super::Report;
use crate::hammer::judge::{Judgement, Violation, invariants};

/// Renders the report.
pub(super) fn render(report: &Report) -> String {
    let judgement = &report.judgement;
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
        "insecure": header.insecure,
        "item_prefix": header.item_prefix(),
        "orders_left": report.stored_orders.filter(|_| !header.temporary),
        "cycles_not_in_history": report.missing_cycles,
        "requests": judgement.requests,
        "keys": judgement.keys,
        "contended_keys": judgement.contended,
        "violation_rate_below": violation_rate_below(judgement),
        "violations_total": judgement.violated,
        "violations": judgement.violations.iter().map(violation).collect::<Vec<_>>(),
        "limit": judgement.limit(),
        "doubts": judgement.all_inconclusive_reasons(),
        "choices": judgement.dialect_deviations(),
        "notes": judgement.deviations.iter().map(violation).collect::<Vec<_>>(),
        "coverage": coverage(judgement),
        "invariants": invariants()
            .map(|one| invariant(judgement, one.name, one.meaning))
            .collect::<Vec<_>>(),
        "outcomes": object(judgement.endings.iter().map(|(ending, count)| (ending, json!(count)))),
        "faults": faults(judgement),
        "races": object(judgement.races.iter().map(|(scenario, keys)| (scenario.name(), json!(keys)))),
        "latency_ms": latency(judgement),
    });
    format!("{value:#}\n")
}

fn object(members: impl Iterator<Item = (impl ToString, Value)>) -> Value {
    let members: Map<String, Value> = members
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    Value::Object(members)
}

fn violation(found: &Violation) -> Value {
    json!({
        "invariant": found.invariant,
        "scenario": found.scope.name(),
        "key": found.key,
        "seen": found.seen,
    })
}

/// The rule of three: an upper bound of the rate of violations, at 95 % confidence.
#[expect(clippy::cast_precision_loss, reason = "a bound of two digits")]
fn violation_rate_below(judgement: &Judgement) -> Value {
    if judgement.violated > 0 || judgement.contended == 0 {
        Value::Null
    } else {
        json!((3.0 / judgement.contended as f64).min(1.0))
    }
}

fn coverage(judgement: &Judgement) -> Value {
    let rows = judgement.coverage.rows(&judgement.header);
    rows.into_iter()
        .map(|(row, count)| json!({"seen": row.label(), "count": count}))
        .collect()
}

fn invariant(judgement: &Judgement, name: &str, meaning: &str) -> Value {
    let cells = judgement.grid.iter().filter(|((one, _), _)| *one == name);
    let scenarios = cells.map(|((_, scope), counts)| {
        let counts = json!({
            "held": counts.held, "broken": counts.violated, "otherwise": counts.deviated,
        });
        (scope.name(), counts)
    });
    json!({ "name": name, "meaning": meaning, "scenarios": object(scenarios) })
}

fn faults(judgement: &Judgement) -> Value {
    let faults = judgement.faults.iter();
    faults
        .map(|(kind, count)| {
            json!({"fault": kind.name(), "tried": count.injected, "landed": count.landed})
        })
        .collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds, shown in milliseconds"
)]
fn latency(judgement: &Judgement) -> Value {
    let millis = |micros: u64| micros as f64 / 1000.0;
    object(judgement.latencies.iter().map(|(class, seen)| {
        let quantile = |at| millis(seen.value_at_quantile(at));
        let value = json!({
            "count": seen.len(),
            "p50": quantile(0.5),
            "p90": quantile(0.9),
            "p99": quantile(0.99),
            "max": millis(seen.max()),
        });
        (class.name(), value)
    }))
}
