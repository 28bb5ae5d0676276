//! `check` on a forged history: its strings are shown as text, never as markup.

use serde_json::{Value, json};

use super::{hammer, text};

const SCRIPT: &str = "<script>alert('hammer')</script>";

/// A history of one violating key, with a script in every free text.
fn forged() -> Vec<Value> {
    let answer = |n: u64, id: &str| {
        json!({"type": "ok", "n": n, "t": n * 100 + 50, "released": n * 100 + 10,
        "first_byte": n * 100 + 40, "answer": {
            "status": 201, "replayed": false, "location": SCRIPT, "retry_after": SCRIPT,
            "code": SCRIPT, "body": SCRIPT, "bytes": id, "json": SCRIPT,
            "order": {"id": id, "item": SCRIPT, "quantity": SCRIPT},
        }})
    };
    let invoke = |n: u64| {
        json!({"type": "invoke", "n": n, "t": n * 100, "scenario": "contract", "key": SCRIPT,
            "lines": [SCRIPT], "ask": "place", "payload": 0, "spelling": "plain", "item": SCRIPT,
            "quantity": 1, "instance": 0, "gate": "last_byte", "fault": {"kind": "none"},
            "struck": false, "drain": false})
    };
    let stored = |id: &str| json!({"type": "stored", "id": id, "item": SCRIPT, "quantity": SCRIPT, "oracle": "api"});
    let other_id = format!("{SCRIPT}2");
    vec![
        json!({"type": "run", "version": 1, "program": SCRIPT, "run": SCRIPT, "seed": 1,
            "profile": "quick", "targets": [SCRIPT], "scenarios": ["contract", "cut"],
            "oracles": ["api", "db"], "strict": false, "least_contended": 1, "settle_ms": 1,
            "started_unix_ms": 0, "cores": 1, "repeat": SCRIPT}),
        invoke(1),
        invoke(2),
        invoke(3),
        answer(1, SCRIPT),
        answer(2, &other_id),
        json!({"type": "unknown", "n": 3, "t": 350, "released": 310, "error": SCRIPT}),
        json!({"type": "fault", "t": 4, "fault": "cut_answer", "scenario": "cut", "attempt": 3,
            "landed": true, "evidence": SCRIPT}),
        stored(SCRIPT),
        stored(&other_id),
        json!({"type": "oracle", "t": 500, "oracle": "api", "orders": 2}),
        json!({"type": "oracle", "t": 501, "oracle": "db", "orders": 0, "trouble": SCRIPT}),
        json!({"type": "chapter", "t": 502, "troubles": [SCRIPT], "alive": true,
            "interrupted": false}),
    ]
}

#[tokio::test]
async fn a_forged_history_cannot_put_markup_into_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = forged().iter().map(Value::to_string).collect();
    let lines = lines.join("\n") + "\n";
    std::fs::write(folder.path().join("history.ndjson"), lines).unwrap();
    let arguments = ["check", "history.ndjson", "--report", "report"];
    let output = hammer(folder.path(), &arguments).await;
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let page = std::fs::read_to_string(folder.path().join("report/report.html")).unwrap();
    assert!(!page.contains("<script"));
    let summary = std::fs::read_to_string(folder.path().join("report/summary.md")).unwrap();
    assert!(
        !summary.contains("<script") && summary.contains("&lt;script"),
        "{summary}"
    );
    // The strings are still shown: key, item, body, header and the others.
    assert!(page.matches("&lt;script").count() > 10);
}
