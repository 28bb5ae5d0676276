//! The OpenAPI document: the committed, the printed and the served one are the same, and complete.
//! The harness checks every response of every test against it.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Process, document, on_both};

/// The stdout of the binary.
fn printed(arguments: &[&str]) -> String {
    let output = Process::run(arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_committed_document_is_the_current_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/orders.yaml");
    let current = printed(&["openapi", "--yaml"]);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&golden).unwrap();
    let line = committed
        .lines()
        .zip(current.lines())
        .position(|(a, b)| a != b);
    assert!(
        committed == current,
        "openapi/orders.yaml is out of date from line {:?} on: run this test with UPDATE_GOLDEN=1 and \
         review the difference",
        line.map(|index| index + 1)
    );
}

#[test]
fn json_and_yaml_are_one_document() {
    let json: Value = serde_json::from_str(&printed(&["openapi"])).unwrap();
    let yaml: Value = serde_yaml_ng::from_str(&printed(&["openapi", "--yaml"])).unwrap();
    assert_eq!(json, yaml);
    assert_eq!(&json, document());
}

on_both! {
    async fn the_printed_document_is_the_served_one(app: &App) {
        let json = app.client.get("/openapi.json").await.expect(200);
        assert_eq!(json.header("content-type"), Some("application/json"));
        assert_eq!(json.text(), printed(&["openapi"]));
        let yaml = app.client.get("/openapi.yaml").await.expect(200);
        assert_eq!(yaml.header("content-type"), Some("application/yaml"));
        assert_eq!(yaml.text(), printed(&["openapi", "--yaml"]));
        let page = app.client.get("/docs").await.expect(200).text();
        assert!(page.contains(&document().to_string()), "the page contains the document");
    }
}

/// Every operation, named by method and path.
fn operations() -> Vec<(String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let item = item.as_object().unwrap().iter();
        item.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn every_refusal_has_an_example_in_both_forms() {
    for (name, operation) in operations() {
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses
            .iter()
            .filter(|(status, _)| !status.starts_with('2'))
        {
            for media_type in ["application/json", "application/problem+json"] {
                let examples = response["content"][media_type]["examples"].as_object();
                let examples = examples.unwrap_or_else(|| panic!("{name} {status} {media_type}"));
                assert!(!examples.is_empty());
                for example in examples.values() {
                    let body = &example["value"];
                    let is_problem_json = media_type.contains("problem");
                    let text = if is_problem_json { "detail" } else { "error" };
                    assert!(body[text].is_string(), "{body}");
                    let has_status = body["status"].as_u64() == status.parse().ok();
                    assert!(has_status || !is_problem_json, "{body}");
                    // The body for a missing key is fixed to the byte, without a code.
                    let missing_key = body["error"] == "Idempotency-Key header is required";
                    assert_eq!(body["code"].is_string(), !missing_key, "{body}");
                }
            }
        }
    }
}

#[test]
fn every_operation_is_described() {
    for (name, operation) in operations() {
        for member in ["summary", "description", "operationId"] {
            let text = operation[member].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{name} has no {member}"
            );
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(
                parameter["description"].is_string(),
                "{name}: {}",
                parameter["name"]
            );
        }
        let statuses = operation["responses"].as_object().unwrap();
        for always in ["200", "500", "503"] {
            assert!(
                statuses.contains_key(always),
                "{name} has no response with {always}"
            );
        }
    }
}
