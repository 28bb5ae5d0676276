//! Problems in the OpenAPI document.

use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use serde_json::{Map, Value, json};

use super::body::{Error, ProblemJson, kebab_case};
use super::kind::{Header, Operations};
use super::{Kind, PROBLEM_JSON, Problem};

/// A placeholder for all problems of an operation: `describe_problems` replaces it.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let content = |content_type, schema| MetaMediaType {
            content_type,
            schema,
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "",
                status: None,
                status_range: None,
                content: vec![
                    content("application/json", Error::schema_ref()),
                    content(PROBLEM_JSON, ProblemJson::schema_ref()),
                ],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        Error::register(registry);
        ProblemJson::register(registry);
    }
}

/// Adds the problems of an operation to its responses: one response for each status.
pub(in crate::http) fn describe_problems(operation: &mut Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let kinds = Kind::ALL.iter().copied();
    let kinds: Vec<Kind> = kinds
        .filter(|kind| kind.row().operations.contains(id))
        .collect();
    if let Some(responses) = operation["responses"].as_object_mut() {
        let placeholder = responses.remove("default").unwrap_or_default();
        for same_status in kinds.chunk_by(|a, b| a.row().status == b.row().status) {
            let status = same_status[0].row().status.as_str().to_owned();
            responses.insert(status, response(placeholder.clone(), same_status));
        }
    }
}

/// Whether an operation can end in this kind.
pub(in crate::http) fn can_end_in(operation: &Value, kind: Kind) -> bool {
    let id = operation["operationId"].as_str().unwrap_or_default();
    kind.row().operations.contains(id)
}

impl Operations {
    fn contains(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(ids) => ids.contains(&id),
        }
    }
}

/// The response with one status: the meaning of each kind, an example of each in both bodies, and
/// the headers.
fn response(mut response: Value, kinds: &[Kind]) -> Value {
    response["description"] = match kinds {
        [kind] => kind.row().description.into(),
        kinds => {
            let line = |kind: &Kind| format!("- `{}`: {}", kind.row().code, kind.row().description);
            kinds.iter().map(line).collect::<Vec<_>>().join("\n").into()
        }
    };
    for kind in kinds {
        let problem = Problem::from(*kind);
        let name = kebab_case(kind.row().code);
        for (media_type, body) in [
            ("application/json", json!(Error::from(&problem))),
            (PROBLEM_JSON, json!(ProblemJson::from(&problem))),
        ] {
            response["content"][media_type]["examples"][&name] = json!({ "value": body });
        }
    }
    let headers = kinds.iter().flat_map(|kind| kind.row().headers);
    response["headers"] = headers
        .map(|header| (header.name.to_owned(), described(header, kinds)))
        .collect::<Map<_, _>>()
        .into();
    response
}

/// A header that problems of some or all of these kinds have.
fn described(header: &Header, kinds: &[Kind]) -> Value {
    let has_header = |kind: &&Kind| {
        let mut headers = kind.row().headers.iter();
        headers.any(|other| other.name == header.name)
    };
    let with: Vec<&str> = kinds
        .iter()
        .filter(has_header)
        .map(|kind| kind.row().code)
        .collect();
    let always = with.len() == kinds.len();
    let description = if always {
        header.description.to_owned()
    } else {
        format!("{} Only with `{}`.", header.description, with.join("`, `"))
    };
    json!({
        "description": description,
        "required": always,
        "schema": { "type": header.schema },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_status_and_its_codes_are_unique() {
        let rows: Vec<_> = Kind::ALL.iter().map(|kind| kind.row()).collect();
        assert!(rows.is_sorted_by_key(|row| row.status));
        let mut codes: Vec<_> = rows.iter().map(|row| row.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), rows.len());
    }

    #[test]
    fn the_table_names_operations_of_the_document() {
        let document = crate::http::openapi_json();
        for kind in Kind::ALL {
            if let Operations::These(ids) = kind.row().operations {
                for id in ids {
                    let member = format!("\"operationId\": \"{id}\"");
                    assert!(document.contains(&member), "{id} of {kind:?}");
                }
            }
        }
    }
}
